"""Programs that the server starts, and logs that it reads: nothing outlives it, nothing grows without end."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import anyio
import jsonschema
import pytest

from netvet.mcp import lifeline, processes
from netvet.report.schemas import schema
from tests.extras.mcp.test_mcp_server import alive, connected, ended, root, started, text  # noqa: F401

PRINTS = "import sys\nprint('first')\nfor i in range(20000):\n    print('line', i)\nprint('last')\nsys.exit(3)\n"


def by_heart(path: Path) -> None:
    """A log of a net that learns its samples by heart from epoch 10 on."""
    rows = [f"{e},{math.exp(-e / 8):.4f},{0.5 + abs(e - 10) / 20:.4f}" for e in range(40)]
    path.write_text("epoch,train_loss,val_loss\n" + "\n".join(rows) + "\n")


def diagnosed(folder: Path, *paths: str) -> list[Any]:
    async def ask() -> list[Any]:
        async with connected(folder) as client:
            return [await client.call_tool("diagnose", {"logs": path}) for path in paths]

    return anyio.run(ask)


def test_logs_are_diagnosed_and_what_cannot_be_is_said(root: Path) -> None:  # noqa: F811
    by_heart(root / "metrics.csv")
    (root / "sweep").mkdir()
    by_heart(root / "sweep" / "a.csv")
    by_heart(root / "sweep" / "b.csv")
    (root / "notes.log").write_text("nothing to see here\n")
    one, several, none = diagnosed(root, "metrics.csv", "sweep", "notes.log")
    assert not one.is_error, text(one)
    found = one.structured_content
    jsonschema.validate(found["report"], schema("report"))
    assert found["report"]["diagnosis"][0]["check"] == "overfitting"
    assert found["report"]["log"]["form"] == "CSV"
    assert text(one).startswith("Read from ")
    assert "metrics.csv" in text(one).splitlines()[0]
    assert several.is_error
    assert "these are 2 runs (a, b): give the path of one of them" in text(several)
    assert none.is_error
    assert "a text in which no number with a name comes back" in text(none)


def test_a_server_that_is_killed_leaves_no_program_behind(root: Path) -> None:  # noqa: F811
    about = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
    messages = [
        {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": about},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {
            "name": "run", "arguments": {"script": "endless.py", "timeout": 600}}},
    ]  # fmt: skip
    command = [sys.executable, "-m", "netvet", "mcp"]
    with subprocess.Popen(command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        for message in messages:
            server.stdin.write(json.dumps(message) + "\n")
            server.stdin.flush()
        server.stdout.readline()
        started(root)
        pid = int((root / "pid.txt").read_text())
        assert alive(pid)
        server.send_signal(signal.SIGKILL)
        assert ended(pid)


def kept(folder: Path, limit: int, program: str) -> tuple[int, bytes]:
    file = folder / "output.txt"
    command = [sys.executable, "-I", lifeline.__file__, str(limit), str(file), sys.executable, "-u", "-c", program]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:  # a lifeline that holds
        return process.wait(60), file.read_bytes()


@pytest.mark.parametrize("limit", [1000, 4001])
def test_of_a_long_output_the_first_and_the_last_part_are_kept(tmp_path: Path, limit: int) -> None:
    code, output = kept(tmp_path, limit, PRINTS)
    assert code == 3
    assert len(output) <= limit + 100
    assert output.startswith(b"first\nline 0\n")
    assert output.endswith(b"line 19999\nlast\n")
    whole = len(b"first\nlast\n") + sum(len(f"line {i}\n") for i in range(20000))
    assert f"{whole - 2 * (limit // 2):,} bytes of output were left out here".encode() in output


def test_a_short_output_is_kept_as_it_is(tmp_path: Path) -> None:
    assert kept(tmp_path, 10_000, "print('a'); print('b')") == (0, b"a\nb\n")
    assert kept(tmp_path, 4, "print('a'); print('b')") == (0, b"a\nb\n")
    assert kept(tmp_path, 100, "import os, signal; os.kill(os.getpid(), signal.SIGTERM)") == (128 + signal.SIGTERM, b"")


def test_a_worker_that_outlives_its_program_is_ended(tmp_path: Path) -> None:
    worker = "import subprocess, sys; p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])"
    _, output = kept(tmp_path, 100, f"{worker}; print(p.pid)")
    assert ended(int(output))


def test_only_so_many_calls_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "MAX_CALLS", 3)
    (tmp_path / "mine").mkdir()
    for day in range(1, 6):
        (tmp_path / f"2020010{day}-000000-run").mkdir()
    processes._places(tmp_path, "run")
    names = sorted(os.listdir(tmp_path))
    assert names[:2] == ["20200104-000000-run", "20200105-000000-run"]
    assert len(names) == 4
    assert "mine" in names
