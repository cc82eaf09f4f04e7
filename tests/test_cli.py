from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner

from netvet import __version__, checks, cli
from netvet.capture import runner
from netvet.capture.runner import Outcome, RunOptions
from netvet.report.as_json import schema
from netvet.store import RunWriter
from tests.report.samples import CHECKS, softmax_signals
from tests.report.samples import signals as healthy_signals

SICK = softmax_signals()
HEALTHY = healthy_signals()


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(checks, "all_checks", lambda: CHECKS)
    for name in ("NO_COLOR", "FORCE_COLOR", "RANK", "NETVET_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def stored(source: Any, name: str = "train", store: Path = Path(".netvet/runs")) -> Path:
    writer = RunWriter.create(store, name)
    for signal_name, found in source.signals.items():
        if hasattr(found, "where"):
            writer.put_facts(signal_name, list(found))
        else:
            for key, series in found.items():
                for step, value in zip(series.steps, series.values, strict=True):
                    writer.append(int(step), signal_name, float(value), key)
    for signal_name, reason in source.reasons.items():
        writer.explain_missing(signal_name, reason)
    writer.close()
    return writer.path


Runner = Callable[..., list[RunOptions]]


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Runner:
    """Instead of running a script: a stored run and an outcome; gives the list of what was asked."""

    def prepare(source: Any = HEALTHY, status: int = 0, act: Callable[[], None] = lambda: None) -> list[RunOptions]:
        asked: list[RunOptions] = []

        def run(options: RunOptions) -> Outcome:
            asked.append(options)
            act()
            path = stored(source, store=options.store) if source else None
            return Outcome(path, status, None, ("netvet switched off probes: no batch",))

        monkeypatch.setattr(runner, "run", run)
        return asked

    return prepare


def netvet(*arguments: str) -> int:
    with pytest.raises(SystemExit) as left:
        cli.main(arguments)
    assert isinstance(left.value.code, int)
    return left.value.code


def one_error_line(text: str) -> str:
    (line,) = text.splitlines()
    assert line.startswith("netvet: error: ")
    return line


def test_version_and_help_work_under_clicks_own_runner() -> None:
    assert CliRunner().invoke(cli.cli, ["--version"]).output == f"netvet {__version__}\n"
    for command in ([], ["run"], ["diagnose"], ["report"], ["runs"], ["explain"]):
        assert CliRunner().invoke(cli.cli, [*command, "--help"]).exit_code == 0


def test_help_leaves_with_zero() -> None:
    assert netvet("--help") == 0
    assert netvet("run", "--help") == 0


# --- run


def test_a_healthy_run_is_reported_after_the_output_of_the_script(script: Runner, capsys: Any) -> None:
    script(act=lambda: print("epoch 1"))
    assert netvet("run", "train.py") == 0
    out, err = capsys.readouterr()
    assert out.startswith("epoch 1\n\nNo fault seen: 5 checks looked, 1 could not.\n")
    assert "! netvet switched off probes: no batch" in out
    assert err == ""


def test_everything_after_the_script_belongs_to_it(script: Runner) -> None:
    asked = script()
    netvet("run", "--quiet", "train.py", "--json", "x", "--", "-m", "--help")
    netvet("run", "--no-probes", "--every", "5", "--overhead", "2.5%", "--store", "s", "-m", "pkg.train", "--lr", "1")
    first, second = asked
    assert (first.target, first.is_module, first.arguments) == (
        "train.py",
        False,
        ("--json", "x", "--", "-m", "--help"),
    )
    assert (first.probes, first.every, first.overhead, first.observe) == (True, None, 0.01, None)
    assert first.store == Path.cwd() / ".netvet" / "runs"
    assert (second.target, second.is_module, second.arguments) == ("pkg.train", True, ("--lr", "1"))
    assert (second.probes, second.every, second.overhead) == (False, 5, 0.025)
    assert second.store == Path.cwd() / "s"


@pytest.mark.parametrize(
    ("options", "source", "status", "code"),
    [
        ([], HEALTHY, 0, 0),
        ([], SICK, 0, 1),
        ([], SICK, 3, 3),
        ([], HEALTHY, 130, 130),
        (["--fail-on", "never"], SICK, 0, 0),
        (["--skip", "double-softmax"], SICK, 0, 0),
        (["--skip", "double-softmax", "--fail-on", "warning"], SICK, 0, 1),
        (["--only", "small-batches", "--fail-on", "warning"], SICK, 0, 0),
        (["--only", "small-batches", "--fail-on", "note"], SICK, 0, 1),
        (["--allow", "double-softmax=an old net"], SICK, 0, 0),
        (["--allow", "double-softmax:train.py:9=an old net"], SICK, 0, 0),
        (["--allow", "double-softmax:other=an old net"], SICK, 0, 1),
        (["--set", "lr-too-high.limit=0.9", "--only", "lr-too-high", "--fail-on", "note"], SICK, 0, 0),
    ],
)
def test_the_exit_code(script: Runner, options: list[str], source: Any, status: int, code: int) -> None:
    script(source, status)
    assert netvet("run", *options, "train.py") == code


def test_the_configuration_holds_and_the_command_line_goes_above_it(script: Runner, place: Path) -> None:
    (place / "pyproject.toml").write_text('[tool.netvet]\nfail-on = "never"\nstore = "kept"\n')
    asked = script(SICK)
    assert netvet("run", "train.py") == 0
    assert asked[0].store == place / "kept"
    assert netvet("run", "--fail-on", "error", "train.py") == 1


def test_files_are_written_even_when_quiet_and_after_the_script_moved(script: Runner, place: Path, capsys: Any) -> None:
    elsewhere = place / "elsewhere"
    elsewhere.mkdir()
    script(SICK, act=lambda: os.chdir(elsewhere))
    assert netvet("run", "--quiet", "--json", "a.json", "--sarif", "a.sarif", "train.py") == 1
    assert capsys.readouterr() == ("", "")
    report = json.loads((place / "a.json").read_text())
    jsonschema.validate(report, schema())
    assert report["diagnosis"][0]["check"] == "double-softmax"
    assert json.loads((place / "a.sarif").read_text())["version"] == "2.1.0"


def test_the_report_goes_to_the_first_output_whatever_the_script_put_there(script: Runner, capsys: Any) -> None:
    kept = sys.stdout
    script(act=lambda: setattr(sys, "stdout", open(os.devnull, "w")))  # noqa: SIM115
    try:
        netvet("run", "train.py")
    finally:
        sys.stdout.close()
        sys.stdout = kept
    assert "No fault seen" in capsys.readouterr().out


def test_only_the_first_process_of_several_reports(
    script: Runner, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setenv("RANK", "1")
    script(SICK)
    assert netvet("run", "train.py") == 0
    assert capsys.readouterr().out == ""


def test_a_run_without_a_store_passes_the_status_on(script: Runner) -> None:
    script(None, 4)
    assert netvet("run", "train.py") == 4


def test_the_scripts_failure_outranks_one_of_ours(script: Runner, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ValueError("a\nbug")

    monkeypatch.setattr("netvet.report.view.build", broken)
    script(HEALTHY, 7)
    assert netvet("run", "train.py") == 7
    assert "internal error: ValueError: a bug" in one_error_line(capsys.readouterr().err)
    script(HEALTHY, 0)
    assert netvet("run", "train.py") == 2


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ([], "Missing argument 'TARGET'"),
        (["--bogus", "train.py"], "--bogus"),
        (["--fail-on", "fatal", "train.py"], "fatal"),
        (["--every", "0", "train.py"], "0"),
        (["--overhead", "much", "train.py"], "percentage"),
        (["--overhead", "101", "train.py"], "percentage"),
        (["--only", "dead-rleu", "train.py"], "dead-relu"),
        (["--json", "no/such/dir/x.json", "train.py"], "cannot be written"),
        (["--sarif", ".", "train.py"], "cannot be written"),
        (["nothere.py"], "nothere.py"),
    ],
)
def test_a_mistake_is_one_line_before_anything_runs(arguments: list[str], part: str, capsys: Any) -> None:
    assert netvet("run", *arguments) == 2
    assert part in one_error_line(capsys.readouterr().err)


def test_a_broken_configuration_is_one_line(place: Path, capsys: Any) -> None:
    (place / "pyproject.toml").write_text("[tool.netvet]\nonly = 3\n")
    assert netvet("run", "train.py") == 2
    assert "tool.netvet.only: expected a list" in one_error_line(capsys.readouterr().err)


def test_without_torch_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert netvet("run", "train.py") == 2
    assert "pip install torch" in one_error_line(capsys.readouterr().err)


def test_ctrl_c_outside_the_script_leaves_quietly(script: Runner, capsys: Any) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    script(act=interrupt)
    assert netvet("run", "train.py") == 130
    assert capsys.readouterr().err == ""


def test_an_internal_error_can_be_seen_whole(script: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    monkeypatch.setenv("NETVET_DEBUG", "1")
    script(act=fail)
    with pytest.raises(ZeroDivisionError):
        cli.main(["run", "train.py"])


# --- stored runs


def test_diagnose_takes_the_newest_a_name_or_a_path(capsys: Any) -> None:
    old = stored(SICK, "old")
    os.rename(old, old.with_name("20200101-000000-old"))
    old = old.with_name("20200101-000000-old")
    stored(HEALTHY, "new")
    codes = {
        "newest": netvet("diagnose"),
        "name": netvet("diagnose", old.name),
        "beginning": netvet("diagnose", "2020"),
        "path": netvet("diagnose", str(old)),
    }
    assert codes == {"newest": 0, "name": 1, "beginning": 1, "path": 1}
    assert capsys.readouterr().out.count("Training is wrong: double softmax") == 3


def test_diagnose_writes_only_json_to_a_pipe(capsys: Any) -> None:
    stored(SICK)
    assert netvet("diagnose", "--json", "-") == 1
    assert json.loads(capsys.readouterr().out)["schema"] == "netvet.report/1"


@pytest.mark.parametrize("wanted", [[], ["nothing"]])
def test_an_empty_store_says_how_to_fill_it(wanted: list[str], capsys: Any) -> None:
    assert netvet("diagnose", *wanted) == 2
    assert "netvet run train.py" in one_error_line(capsys.readouterr().err)


def test_an_unknown_or_ambiguous_run_names_close_ones(place: Path, capsys: Any) -> None:
    for name in ("one", "two"):
        stored(HEALTHY, name)
    assert netvet("diagnose", "2") == 2
    assert "no single run '2'" in (line := one_error_line(capsys.readouterr().err))
    assert "-one" in line
    assert "-two" in line
    assert netvet("diagnose", "xyz") == 2
    assert "netvet runs" in one_error_line(capsys.readouterr().err)


def test_a_path_that_is_no_run_is_one_line(place: Path, capsys: Any) -> None:
    (place / "notes.txt").write_text("hello")
    assert netvet("diagnose", "notes.txt") == 2
    one_error_line(capsys.readouterr().err)


def test_report_prints_any_format_and_never_fails_on_findings(place: Path, capsys: Any) -> None:
    stored(SICK)
    assert netvet("report") == 0
    assert capsys.readouterr().out.startswith("Training is wrong")
    assert netvet("report", "--format", "json") == 0
    jsonschema.validate(json.loads(capsys.readouterr().out), schema())
    assert netvet("report", "--format", "sarif", "--output", "r.sarif") == 0
    assert json.loads((place / "r.sarif").read_text())["runs"]
    assert netvet("report", "--output", "r.txt") == 0
    assert (place / "r.txt").read_text().startswith("Training is wrong")


def test_runs_lists_the_store_or_says_that_it_is_empty(capsys: Any) -> None:
    assert netvet("runs") == 0
    assert capsys.readouterr().out.startswith("no runs in")
    path = stored(HEALTHY)
    assert netvet("runs") == 0
    title, line = capsys.readouterr().out.splitlines()
    assert title.split() == ["name", "started", "script", "steps", "ended"]
    assert line.split() == [path.name, "2100-01-01", "10:00:00", "train.py", "1,230", "ok"]


# --- explain


def test_explain_shows_a_page_or_the_list(capsys: Any) -> None:
    assert netvet("explain", "double-softmax") == 0
    assert capsys.readouterr().out.startswith("# double-softmax\n")
    assert netvet("explain") == 0
    assert "  lr-too-high      A learning rate at which the loss jumps." in capsys.readouterr().out


def test_explain_names_close_matches(capsys: Any) -> None:
    assert netvet("explain", "double_softmx") == 2
    assert "did you mean double-softmax?" in one_error_line(capsys.readouterr().err)


# --- the real thing, in a process of its own


def process(*arguments: str, code: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    Path("train.py").write_text(code)
    return subprocess.run(
        [sys.executable, "-m", "netvet", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=os.environ | environment,
    )


TRAINING = """
import sys, torch
model = torch.nn.Linear(4, 3)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for _ in range(5):
    optimizer.zero_grad()
    loss = torch.nn.functional.cross_entropy(model(torch.randn(8, 4)), torch.randint(3, (8,)))
    loss.backward()
    optimizer.step()
print("trained", sys.argv[1:])
"""


def test_a_real_script_runs_and_its_arguments_reach_it() -> None:
    done = process("run", "--fail-on", "never", "train.py", "--json", "3", code=TRAINING)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("trained ['--json', '3']\n\n")
    assert "5 steps" in done.stdout


def test_the_status_of_a_real_script_is_passed_on() -> None:
    assert process("run", "train.py", code="raise SystemExit(5)").returncode == 5
    failed = process("run", "train.py", code="def f():\n    raise ValueError('no')\nf()")
    assert failed.returncode == 1
    assert "ValueError: no" in failed.stderr
    assert "The script stopped" in failed.stdout


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_ctrl_c_in_a_real_script_still_gives_the_report() -> None:
    # Tests that run in the background are started with the signal ignored.
    heard = "import os, signal, time\nsignal.signal(signal.SIGINT, signal.default_int_handler)"
    code = f"{TRAINING}\n{heard}\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(30)"
    done = process("run", "train.py", code=code)
    assert done.returncode == 130, done.stderr
    assert "Interrupted after 5 steps" in done.stdout


@pytest.mark.skipif(os.name == "nt", reason="pipes")
@pytest.mark.parametrize(("code", "status"), [(TRAINING, 1), (f"{TRAINING}\nraise SystemExit(5)", 5)])
def test_a_reader_that_goes_away_is_no_error(code: str, status: int) -> None:
    Path("train.py").write_text(code.replace('print("trained", sys.argv[1:])', ""))
    command = f"{sys.executable} -m netvet run --fail-on never train.py | true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=120, check=False)
    assert (done.stderr, done.stdout) == ("", f"{status}\n")
