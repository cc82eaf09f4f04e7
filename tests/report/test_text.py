from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from netvet.core import Facts, Finding, LayerSeries, Location, check
from netvet.diagnose import Settings, diagnose
from netvet.report.plain import cells
from netvet.report.text import render, show
from netvet.report.view import View, build
from netvet.testing import PlainSignals
from tests.report.samples import RUN, SOURCE, signals, softmax_signals, view_of

GOLDEN = Path(__file__).parent / "golden"


def text_of(view: View, width: int = 100, verbose: bool = False) -> str:
    return "".join("".join(text for text, _ in line) + "\n" for line in render(view, width, verbose=verbose))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "train.py").write_text(SOURCE)
    return tmp_path


PLATEAUS = LayerSeries.of(**{f"train.py:{line}": [2.3] * 5 for line in range(20, 29)})
STOPPED = Facts.of(
    {
        **RUN,
        "ended": "exception",
        "exception": "RuntimeError: bad shapes",
        "exception_file": "train.py",
        "exception_line": 5,
    }
)
ALLOWED = Settings(allow={"double-softmax": "an old net", "lr-too-high": "on purpose"})
CASES: dict[str, tuple[PlainSignals, dict[str, Any], bool]] = {
    "healthy": (signals(), {}, False),
    "sick": (softmax_signals(), {}, False),
    "sick_verbose": (softmax_signals(), {}, True),
    "many_symptoms": (softmax_signals(loss=PLATEAUS), {}, False),
    "undetermined": (
        signals(loss=LayerSeries.of(**{"train.py:9": [2.3] * 5}), grad_norm=None),
        {"problems": ["netvet switched off probes: ValueError: no batch"]},
        False,
    ),
    "allowed_and_stopped": (softmax_signals(run=STOPPED), {"settings": ALLOWED}, False),
    "interrupted": (signals(run=Facts.of({**RUN, "ended": "interrupt"})), {}, False),
    "killed": (signals(run=Facts.of({**RUN, "ended": None})), {}, False),
    "no_steps": (PlainSignals({"run": Facts.of({**RUN, "steps": 0})}), {"problems": ["no optimizer step"]}, False),
}


@pytest.mark.parametrize("name", CASES)
def test_the_report_reads_as_in_the_golden_file(name: str, root: Path) -> None:
    source, options, verbose = CASES[name]
    text = text_of(view_of(source, root=root, **options), verbose=verbose)
    assert text == (GOLDEN / f"{name}.txt").read_text()


def test_the_golden_files_are_those_of_the_cases() -> None:
    assert {file.stem for file in GOLDEN.iterdir()} == set(CASES)


def test_the_worst_report_fits_on_a_screen(root: Path) -> None:
    view = view_of(softmax_signals(loss=PLATEAUS), root=root)
    view["diagnosis"] = [view["diagnosis"][0], *[view["diagnosis"][1]] * 4]
    assert len(text_of(view).splitlines()) <= 40


@pytest.mark.parametrize("width", [1, 40, 61, 100, 500])
def test_no_line_is_wider_than_the_page(width: int, root: Path) -> None:
    for source, options, _ in CASES.values():
        for verbose in (False, True):
            text = text_of(view_of(source, root=root, **options), width, verbose)
            assert max(map(cells, text.splitlines())) <= max(40, min(width, 100))


HOSTILE = "\x1b[2J\x1b]0;owned\x07 [red]x[/red] \u202egnp.exe\r\nError: 漢字 " + "w" * 3000


def hostile_view() -> View:
    @check(stage="fit", kind="cause", severity="error", since="0.1", fixes={"x": HOSTILE})
    def hostile(loss: LayerSeries) -> list[Finding]:
        here = Location(HOSTILE, 1)
        return [
            Finding(HOSTILE, where=HOSTILE, value=1.0, limit=0.5, location=here, severity=severity)
            for severity in ("error", "note")
        ]

    record = {**RUN, "script": HOSTILE, "ended": "exception", "exception": HOSTILE}
    source = signals(run=Facts.of(record))
    found = diagnose(source, [hostile])
    return build(found, source, selected=["hostile"], name=HOSTILE, problems=[HOSTILE])


class Terminal(io.TextIOWrapper):
    """A stream that says it is a terminal."""

    def __init__(self, encoding: str = "utf-8", terminal: bool = True) -> None:
        super().__init__(io.BytesIO(), encoding=encoding)
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal

    def text(self) -> str:
        self.flush()
        return self.buffer.getvalue().decode(self.encoding)  # type: ignore[attr-defined]


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "90")


def test_hostile_text_reaches_no_terminal() -> None:
    text = text_of(hostile_view(), verbose=True)
    assert not any(ord(character) < 32 for character in text.replace("\n", ""))
    assert "\u202e" not in text
    assert "\\x1b[2J" in text
    assert "[red]x[/red]" in text
    assert max(map(cells, text.splitlines())) <= 100
    assert len(text) < 10_000


def test_hostile_text_is_no_markup_in_colour() -> None:
    stream = Terminal()
    show(hostile_view(), stream)
    text = stream.text()
    assert "[red]x[/red]" in text
    assert "\x1b[2J" not in text
    assert "\x1b]0;" not in text


def test_a_terminal_gets_colour_and_a_pipe_does_not() -> None:
    view = view_of(softmax_signals())
    terminal, pipe = Terminal(), Terminal(terminal=False)
    show(view, terminal)
    show(view, pipe)
    assert "\x1b[1;31mTraining is wrong" in terminal.text()
    assert pipe.text() == text_of(view)


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_colour_is_left_out_where_it_is_unwanted(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    stream = Terminal()
    show(view_of(softmax_signals()), stream)
    assert "\x1b" not in stream.text()


def test_colour_can_be_forced_into_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    stream = Terminal(terminal=False)
    show(view_of(softmax_signals()), stream)
    assert "\x1b[1;31m" in stream.text()


def test_the_page_follows_the_width_of_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "50")
    monkeypatch.setenv("NO_COLOR", "1")
    stream = Terminal()
    show(view_of(softmax_signals()), stream)
    assert max(map(len, stream.text().splitlines())) <= 50


def test_a_stream_that_cannot_write_a_character_gets_its_code() -> None:
    for terminal in (True, False):
        stream = Terminal("ascii", terminal)
        show(hostile_view(), stream)
        assert "\\u6f22" in stream.text()


def test_further_places_of_one_cause_are_listed() -> None:
    @check(stage="fit", kind="cause", severity="error", since="0.1")
    def spread(loss: LayerSeries) -> list[Finding]:
        return [Finding(f"number {line}", location=Location("net.py", line)) for line in range(1, 8)]

    source = signals()
    text = text_of(build(diagnose(source, [spread]), source, selected=["spread"]))
    assert [f"net.py:{line}" in text for line in range(1, 5)] == [True, True, True, False]
    assert "and 4 more places" in text


def test_of_data_the_same_fault_of_other_splits_is_told_too() -> None:
    @check(stage="data", kind="cause", severity="error", since="0.1")
    def broken(losses: Facts) -> list[Finding]:
        return [Finding(f"split {number} is broken") for number in range(1, 6)]

    source = PlainSignals({"run": Facts.of({"samples": 10, "ended": "ok"}), "losses": Facts.of({"site": "a"})})
    view = build(diagnose(source, [broken]), source, selected=["broken"])
    assert [f"split {n} is broken" in text_of(view) for n in range(1, 6)] == [True, True, True, False, False]
    assert "and 2 more (--verbose shows them)" in text_of(view)
    assert all(f"split {n} is broken" in text_of(view, verbose=True) for n in range(1, 6))


@pytest.mark.parametrize("framework", ["keras", "jax"])
def test_no_command_is_named_that_does_not_take_the_program(framework: str, root: Path) -> None:
    def shown(**more: Any) -> str:
        return text_of(view_of(softmax_signals(**more), root=root))

    environment = Facts.of({"python": "3.12", framework: "1.0"})
    assert "netvet fix train.py" in shown()
    assert "netvet fix" not in shown(environment=environment)
