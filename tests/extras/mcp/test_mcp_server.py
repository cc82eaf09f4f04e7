"""The server as a client sees it: a real process, over its standard input and output."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import jsonschema
import pytest
from mcp import Client, MCPError, StdioServerParameters

from netvet.report.schemas import schema

SICK = """import torch
from torch.nn import functional as F

torch.manual_seed(0)
model = torch.nn.Linear(4, 3)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for step in range(8):
    x, y = torch.randn(16, 4), torch.randint(0, 3, (16,))
    loss = F.cross_entropy(torch.softmax(model(x), dim=1), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
print("trained")
"""
# Trains for ever; its own child has to end with it.
ENDLESS = """import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
open("pid.txt", "w").write(str(child.pid))
""" + SICK.replace("range(8)", "range(10**9)")
# Learns something with the fault and much without it, in a fraction of a second.
TRAINS = """import torch
from sklearn.datasets import load_digits
from torch.nn import functional as F

torch.manual_seed(0)
digits = load_digits()
x, y = torch.tensor(digits.data, dtype=torch.float32) / 16, torch.tensor(digits.target)
net = torch.nn.Linear(64, 10)
optimizer = torch.optim.SGD(net.parameters(), lr=0.5)
for step in range(120):
    pick = torch.randint(0, 1400, (64,))
    xs, ys = x[pick], y[pick]
    loss = F.cross_entropy(torch.softmax(net(xs), dim=1), ys)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
net.eval()
with torch.no_grad():
    print((net(x[1400:]).argmax(1) == y[1400:]).float().mean())
"""
TOOLS = {"run", "diagnose", "data", "recipe", "fix", "explain", "list_checks", "list_runs"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    folder.mkdir()
    (folder / "train.py").write_text(SICK)
    (folder / "endless.py").write_text(ENDLESS)
    (folder / "broken.py").write_text("import no_such_module\n")
    (tmp_path / "outside.py").write_text(SICK)
    (folder / "link.py").symlink_to(tmp_path / "outside.py")
    return folder


@asynccontextmanager
async def connected(root: Path) -> AsyncIterator[Client]:
    paths = os.environ.get("PYTHONPATH", "")
    environment = {"PYTHONPATH": paths, "OMP_NUM_THREADS": "1", "PATH": os.environ["PATH"], "HOME": str(root)}
    server = StdioServerParameters(
        command=sys.executable, args=["-m", "netvet", "mcp", "--root", str(root)], env=environment, cwd=str(root.parent)
    )
    async with Client(server, read_timeout_seconds=200) as client:
        yield client


def text(result: Any) -> str:
    return "".join(one.text for one in result.content)


def alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False


def started(root: Path) -> None:
    """Wait for the child of the endless program."""
    for _ in range(4000):
        if (root / "pid.txt").exists() and (root / "pid.txt").read_text():
            return
        time.sleep(0.05)
    pytest.fail("the program did not start")


def ended(pid: int) -> bool:
    """Within some seconds."""
    for _ in range(200):
        if not alive(pid):
            return True
        time.sleep(0.05)
    return False


def test_tools_have_typed_arguments_and_results(root: Path) -> None:
    async def ask() -> Any:
        async with connected(root) as client:
            return await client.list_tools(), await client.list_resource_templates()

    listed, templates = anyio.run(ask)
    tools = {one.name: one for one in listed.tools}
    assert set(tools) == TOOLS
    for tool in tools.values():
        jsonschema.Draft202012Validator.check_schema(tool.input_schema)
        jsonschema.Draft202012Validator.check_schema(tool.output_schema)
        assert tool.description
        assert all(one.get("description") for one in tool.input_schema["properties"].values())
    run = tools["run"].input_schema
    assert run["required"] == ["script"]
    assert run["properties"]["arguments"]["type"] == "array"
    assert run["properties"]["timeout"]["exclusiveMinimum"] == 0
    assert tools["fix"].input_schema["properties"]["apply"] == {
        "default": False, "type": "boolean", "title": "Apply",
        "description": "Write the recommended change into the program's files.",
    }  # fmt: skip
    assert tools["explain"].annotations.read_only_hint is True
    assert tools["run"].annotations.read_only_hint is False
    found = {one.uri_template for one in templates.resource_templates}
    assert found == {
        f"netvet://{one}" for one in ("checks/{name}", "runs/{name}/report", "runs/{name}/verdict", "schema/{name}")
    }


def test_a_program_is_run_and_its_report_kept_to_its_schema(root: Path) -> None:
    async def ask() -> Any:
        async with connected(root) as client:
            done = await client.call_tool("run", {"script": "train.py"})
            runs = await client.call_tool("list_runs", {})
            name = done.structured_content["run"]
            again = await client.call_tool("diagnose", {"run": name})
            resource = await client.read_resource(f"netvet://runs/{name}/report")
            words = await client.read_resource(f"netvet://runs/{name}/verdict")
            return done, runs, again, resource, words

    done, runs, again, resource, words = anyio.run(ask)
    found = done.structured_content
    assert not done.is_error, text(done)
    jsonschema.validate(found["report"], schema("report"))
    assert found["report"]["diagnosis"][0]["check"] == "double-softmax"
    assert found["report"]["diagnosis"][0]["location"]["file"].endswith("train.py")
    assert (found["ended"], found["exit_code"]) == ("finished", 1)
    assert "trained" in found["output"]
    assert "trained" in (root / found["output_file"]).read_text()
    assert text(done).startswith("Training is wrong: double softmax")
    (line,) = runs.structured_content["result"]
    assert (line["name"], line["ended"], line["steps"]) == (found["run"], "ok", 8)
    assert again.structured_content["report"]["findings"] == found["report"]["findings"]
    assert json.loads(resource.contents[0].text)["findings"] == found["report"]["findings"]
    assert words.contents[0].text.startswith("Training is wrong: double softmax")
    # Nothing is written but what is netvet's own.
    assert {one.name for one in root.iterdir()} == {".netvet", "train.py", "endless.py", "broken.py", "link.py"}


def test_a_program_that_takes_too_long_is_interrupted_and_reported_on(root: Path) -> None:
    async def ask() -> Any:
        async with connected(root) as client:
            return await client.call_tool("run", {"script": "endless.py", "timeout": 10})

    done = anyio.run(ask)
    if done.is_error:  # a busy machine has not even begun the program by then
        assert "the command gave no report (its time was up)" in text(done)
        return
    assert done.structured_content["ended"] == "timed out"
    assert done.structured_content["report"]["run"]["ended"] == "interrupt"
    assert text(done).startswith("The time was up: this is what was seen until then.")
    assert ended(int((root / "pid.txt").read_text()))


def test_a_call_that_is_cancelled_ends_its_program_and_the_server_goes_on(root: Path) -> None:
    async def ask() -> Any:
        async with connected(root) as client:
            async with anyio.create_task_group() as group:
                group.start_soon(client.call_tool, "run", {"script": "endless.py", "timeout": 600})
                await anyio.to_thread.run_sync(started, root)
                # The server answers while a program runs.
                page = await client.call_tool("explain", {"check": "dead-relu"})
                group.cancel_scope.cancel()
            pid = int((root / "pid.txt").read_text())
            gone = await anyio.to_thread.run_sync(ended, pid)
            return page, gone, await client.call_tool("list_checks", {})

    page, gone, checks = anyio.run(ask)
    assert page.structured_content["markdown"].startswith("# dead-relu")
    assert gone
    assert {one["name"] for one in checks.structured_content["result"]} >= {"dead-relu", "double-softmax"}


def test_a_client_that_is_gone_leaves_no_program_behind(root: Path) -> None:
    about = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
    call = {"name": "run", "arguments": {"script": "endless.py", "timeout": 600}}
    messages = [
        {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": about},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": call},
    ]
    command = [sys.executable, "-m", "netvet", "mcp"]
    with subprocess.Popen(command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        for message in messages:
            server.stdin.write(json.dumps(message) + "\n")
            server.stdin.flush()
        assert json.loads(server.stdout.readline())["result"]["serverInfo"]["name"] == "netvet"
        started(root)
        server.stdin.close()
        assert ended(int((root / "pid.txt").read_text()))
        assert server.wait(60) == 0


REFUSED = [
    ("run", {"script": "../outside.py"}, "holds '..'"),
    ("run", {"script": "/etc/passwd"}, "lies outside of the root of the server"),
    ("run", {"script": "link.py"}, "goes through the link link.py; links are not followed"),
    ("run", {"script": "nothing.py"}, "no such file or folder: 'nothing.py'"),
    ("run", {"script": "x; rm", "module": True}, "is no name of a module"),
    ("run", {"script": "broken.py"}, None),
    ("run", {"script": "train.py", "timeout": 0}, "greater than 0"),
    ("run", {}, "Field required"),
    ("diagnose", {"run": "--store=/tmp"}, "is no name"),
    ("diagnose", {"run": "nothing"}, "no run 'nothing' in"),
    ("diagnose", {"logs": "../root"}, "holds '..'"),
    ("data", {"targets": ["train=../outside.py"]}, "holds '..'"),
    ("data", {"targets": ["hf:mnist"]}, "no such file or folder"),
    ("data", {"targets": ["train.csv"], "arguments": ["--html", "/tmp/x"]}, "belong to a script"),
    ("data", {"targets": ["--fresh"]}, "no such file or folder"),
    ("recipe", {"script": "../outside.py:make"}, "holds '..'"),
    ("recipe", {"script": "link.py"}, "links are not followed"),
    ("fix", {"script": "link.py", "apply": True}, "links are not followed"),
    ("explain", {"check": "no-such-check"}, "no-such-check"),
]


def test_what_cannot_be_done_is_said_in_a_sentence(root: Path) -> None:
    async def ask() -> list[Any]:
        async with connected(root) as client:
            return [await client.call_tool(name, arguments) for name, arguments, _ in REFUSED]

    for result, (name, arguments, message) in zip(anyio.run(ask), REFUSED, strict=True):
        if message is None:  # the program's own failure is a report
            assert result.structured_content["report"]["run"]["exception"].startswith("ModuleNotFoundError")
            continue
        assert result.is_error, (name, arguments)
        assert message in text(result), (name, arguments, text(result))
        assert "Traceback" not in text(result)


def test_resources_are_checked_too(root: Path) -> None:
    async def ask() -> tuple[Any, list[str]]:
        async with connected(root) as client:
            page = await client.read_resource("netvet://checks/dead-relu")
            report = await client.read_resource("netvet://schema/report")
            wrong = []
            for uri in (
                "checks/nothing",
                "runs/../report",
                "runs/%2e%2e/report",
                "runs/..%2froot/report",
                "schema/view",
            ):
                try:
                    await client.read_resource(f"netvet://{uri}")
                except MCPError as error:
                    wrong.append(str(error))
            return (page, report), wrong

    (page, report), wrong = anyio.run(ask)
    assert page.contents[0].text.startswith("# dead-relu")
    assert json.loads(report.contents[0].text) == schema("report")
    assert len(wrong) == 5


def test_data_are_audited(root: Path) -> None:
    rows = "\n".join(f"{i % 7},{i % 5},{i % 2}" for i in range(60))
    (root / "train.csv").write_text(f"a,b,label\n{rows}\n")

    async def ask() -> Any:
        async with connected(root) as client:
            return await client.call_tool("data", {"targets": ["train=train.csv"]})

    done = anyio.run(ask)
    assert not done.is_error, text(done)
    jsonschema.validate(done.structured_content["report"], schema("report"))
    assert done.structured_content["report"]["data"]["splits"][0]["samples"] == 60


def test_a_recipe_gives_a_checklist(root: Path) -> None:
    async def ask() -> Any:
        async with connected(root) as client:
            return await client.call_tool("recipe", {"script": "train.py", "only": ["initial-loss"], "timeout": 300})

    done = anyio.run(ask)
    assert not done.is_error, text(done)
    jsonschema.validate(done.structured_content["recipe"], schema("recipe"))
    assert [one["experiment"] for one in done.structured_content["recipe"]["experiments"]] == ["initial-loss"]
    assert "Next: " in text(done)


def test_a_change_is_proven_and_written_only_when_asked(root: Path) -> None:
    (root / "train.py").write_text(TRAINS)
    arguments = {"script": "train.py", "names": ["remove-softmax"], "timeout": 300}

    async def ask() -> Any:
        async with connected(root) as client:
            dry = await client.call_tool("fix", arguments)
            before = (root / "train.py").read_text()
            return dry, before, await client.call_tool("fix", {**arguments, "apply": True})

    dry, before, wet = anyio.run(ask)
    assert not dry.is_error, text(dry)
    jsonschema.validate(dry.structured_content["fix"], schema("fix"))
    assert before == TRAINS
    assert dry.structured_content["written"] == []
    patch = dry.structured_content["patch"]
    assert "-    loss = F.cross_entropy(torch.softmax(net(xs), dim=1), ys)" in patch
    assert wet.structured_content["written"] == ["train.py"]
    assert "torch.softmax" not in (root / "train.py").read_text()
    assert (root / "train.py.before-netvet").read_text() == TRAINS


def test_without_the_sdk_the_command_names_the_extra(tmp_path: Path) -> None:
    code = "import sys; sys.modules['mcp'] = None\nfrom netvet import cli\ncli.main(['mcp'])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, timeout=60, check=False
    )
    assert done.returncode == 2
    assert "netvet[mcp]" in done.stderr
