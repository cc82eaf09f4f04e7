"""The live line: what it says, and that the terminal is left as it was."""

import os
import pty
import re
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from netvet.core import Check
from netvet.diagnose import Settings
from netvet.report import progress
from netvet.report.progress import StatusLine, findings_so_far, progress_line
from netvet.store import RunWriter


@dataclass
class Running:
    path: Path = Path("nowhere")
    step: int = 1200
    loss: float | None = 0.51234
    seconds: float = 10.0
    cost: float = 0.1
    ended: bool = False


def test_says_step_loss_overhead_and_findings() -> None:
    assert progress_line(Running(), {}, 99) == "netvet: step 1,200 · loss 0.5123 · overhead 1.0% · no findings so far"
    assert progress_line(Running(), {"error": 1, "warning": 2}, 99).endswith("1 error, 2 warnings")
    assert progress_line(Running(step=0, loss=None, seconds=0), {}, 99) == "netvet: step 0 · no findings so far"


def test_says_that_the_script_has_ended() -> None:
    assert "the script has ended" in progress_line(Running(ended=True), {}, 99)


def test_never_wraps() -> None:
    assert len(progress_line(Running(), {}, 20)) == 20


def test_counts_what_is_stored_so_far(tmp_path: Path, sick_check: Check) -> None:
    writer = RunWriter.create(tmp_path, "train")
    writer.put_facts("losses", [{"site": "train.py:1"}])
    writer.flush()
    assert findings_so_far(Running(writer.path), [sick_check], Settings()) == {"error": 1}
    assert findings_so_far(Running(writer.path), [sick_check], Settings(allow={sick_check.name: "known"})) == {}
    writer.close()


@pytest.fixture
def sick_check() -> Check:
    from collections.abc import Iterator

    from netvet.core import Facts, Finding, check

    @check(stage="skeleton", kind="cause", severity="error", since="0.1", fixes={"mend": "Mend it."})
    def always_broken(losses: Facts) -> Iterator[Finding]:
        """It is broken."""
        yield from (Finding(f"{record['site']} is broken") for record in losses)

    return always_broken


def drawn(seconds: float, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> str:
    """What a terminal of rows x columns receives while a line is up."""
    monkeypatch.setattr(progress, "DRAW_SECONDS", 0.01)
    ours, theirs = pty.openpty()
    try:
        import fcntl
        import struct
        import termios

        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
        os.set_blocking(ours, False)
        text = b""
        with StatusLine(theirs, Running(), (), Settings()):
            end = time.monotonic() + seconds
            while b"step" not in text and time.monotonic() < end:
                time.sleep(0.01)
                text += _received(ours)
        return (text + _received(ours)).decode()
    finally:
        os.close(ours)
        os.close(theirs)


def _received(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 100_000)
    except BlockingIOError:
        return b""


def test_is_drawn_outside_the_scrolling_region_and_taken_away(monkeypatch: pytest.MonkeyPatch) -> None:
    text = drawn(5, (24, 80), monkeypatch)
    assert "\x1b[1;23r" in text
    assert "\x1b[24;1H\x1b[2K\x1b[2mnetvet: step 1,200" in text
    assert text.endswith("\x1b[1;24r\x1b[24;1H\x1b[2K\x1b8")
    assert text.count("\x1b7") == text.count("\x1b8")


def test_stays_away_from_a_tiny_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    assert re.sub(r"\s", "", drawn(0.2, (4, 80), monkeypatch)) == ""


def test_a_failure_ends_the_line_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "DRAW_SECONDS", 0.01)
    read, write = os.pipe()  # no terminal: its size cannot be asked for
    with StatusLine(write, Running(), (), Settings()):
        time.sleep(0.1)
    os.close(read)
    os.close(write)
