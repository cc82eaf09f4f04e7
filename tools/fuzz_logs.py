"""Feed damaged logs to the readers of `netvet diagnose`: `python -m tools.fuzz_logs FOLDER --seconds 600`.

Real logs of FOLDER are mutated (bytes flipped, cut, doubled, spliced, numbers made huge or NaN) and diagnosed. Each
input has a time limit; what raises anything but a sentence, takes longer or too much memory is kept in --keep.
"""

from __future__ import annotations

import argparse
import random
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from netvet import checks
from netvet.capture.logs import find, log_run
from netvet.capture.logs.table import UnreadableLog
from netvet.core import NetvetError
from netvet.diagnose import Settings, diagnose

WORDS = (
    b"nan", b"inf", b"-inf", b"1e999", b"-1", b"0", b"99999999999999999999", b"\x00", b"\xff\xff\xff\xff", b"{",
    b"[" * 500, b'{"a":' * 300, b",", b"\n", b"\r", b"\x1b[0m", b"loss", b"epoch", b"val_loss", b"step", b"'", b'"',
    b"e" * 3000, b"1" * 3000, b"\xe2\x94\x81", b"%|", b"/", b"=",
)  # fmt: skip
LARGEST = 400_000


class TooSlow(BaseException):
    """An input took longer than its limit."""


def mutated(data: bytes, others: list[bytes], rng: random.Random) -> bytes:
    """One to six changes."""
    made = bytearray(data[:LARGEST])
    for _ in range(rng.randint(1, 6)):
        at = rng.randrange(len(made) + 1)
        length = rng.choice((1, 2, 8, 64, 1024))
        kind = rng.randrange(8)
        if kind == 0 and made:
            made[at % len(made)] = rng.randrange(256)
        elif kind == 1:
            del made[at : at + length]
        elif kind == 2:
            made[at:at] = made[at : at + length] * rng.choice((1, 2, 50))
        elif kind == 3:
            made[at:at] = rng.choice(WORDS)
        elif kind == 4:
            made[at : at + length] = rng.choice(WORDS)
        elif kind == 5:
            del made[at:]
        elif kind == 6:
            made[at : at + length] = rng.randbytes(length)
        else:
            other = rng.choice(others)
            begin = rng.randrange(len(other) + 1)
            made[at:at] = other[begin : begin + rng.choice((16, 256, 4096))]
    return bytes(made[: 2 * LARGEST])


def use(path: Path) -> str:
    """Read and judge one log, as the command does; how it went."""
    found = find.read([str(path)])
    outcome = "refused" if found.failures else "read"
    unforeseen = [failure for failure in found.failures if ": damaged: " in failure]
    if unforeseen:
        raise AssertionError(unforeseen[0].partition(": ")[2])
    for table in found.tables:
        try:
            runs = log_run.runs_of(table, {})
        except (UnreadableLog, NetvetError):
            return "refused"
        for one in runs[:3]:
            diagnosis = diagnose(one.run, checks.all_checks(), Settings())
            failed = [skipped for skipped in diagnosis.not_assessed if "the check itself failed" in skipped.reason]
            if failed:
                raise AssertionError(f"{failed[0].check}: {failed[0].reason}")
    return outcome


def inputs(folder: Path, rng: random.Random) -> Iterator[tuple[str, bytes]]:
    """Names and contents of damaged logs, without end."""
    files = [p for p in sorted(folder.rglob("*")) if p.is_file() and 0 < p.stat().st_size < 5_000_000]
    data = {p: p.read_bytes() for p in files}
    everything = list(data.values())
    while True:
        path = rng.choice(files)
        yield path.name, mutated(data[path], everything, rng)


def main(arguments: list[str] | None = None) -> int:
    """Fuzz for a while; the exit code is 1 where anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--limit", type=int, default=10, help="seconds for one input")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, default=Path("fuzz-found"))
    chosen = parser.parse_args(arguments)
    rng, seen, slowest = random.Random(chosen.seed), Counter[str](), 0.0
    signal.signal(signal.SIGALRM, _stop)
    before = _peak()
    until = time.monotonic() + chosen.seconds
    with tempfile.TemporaryDirectory() as scratch:
        for name, data in inputs(chosen.folder, rng):
            if time.monotonic() > until:
                break
            path = Path(scratch) / name
            path.write_bytes(data)
            begin = time.monotonic()
            kind = _outcome(path, chosen.limit)
            slowest = max(slowest, time.monotonic() - begin)
            seen[kind.partition("\n")[0]] += 1
            if kind not in ("read", "refused"):
                _keep(chosen.keep, name, data, kind, sum(seen.values()))
            path.unlink()
    wrong = sum(count for kind, count in seen.items() if kind not in ("read", "refused"))
    print(f"{sum(seen.values()):,} inputs: {dict(seen)}")
    print(f"slowest {slowest:.2f} s; peak memory {_peak():.0f} MB ({before:.0f} MB before the first)")
    return int(wrong > 0)


def _outcome(path: Path, limit: int) -> str:
    signal.alarm(limit)
    try:
        return use(path)
    except TooSlow:
        return "slow"
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        return f"{type(error).__name__} at {Path(last.filename).name}:{last.lineno}\n{traceback.format_exc()}"
    finally:
        signal.alarm(0)


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise TooSlow


def _keep(folder: Path, name: str, data: bytes, kind: str, number: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{number}-{name}").write_bytes(data)
    (folder / f"{number}-{name}.txt").write_text(kind)
    print(f"{number}: {name}: {kind.partition(chr(10))[0]}", flush=True)


def _peak() -> float:
    """Largest resident memory of this process so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    sys.exit(main())
