"""How often `netvet fix` mends a program, and how near the score comes to that of the program without its fault.

Programs say in a header how a person would mend them, as texts that take the place of others:
`# mend: old -> new` (`# mend by hand:` where that is nothing that a tool could know). Healthy programs have nothing to
mend: none of them may be told to change.

    python -m benchmarks.repair [PROGRAM ...] [--at-a-time N] [--healthy]

All of it is `make bench-repair`.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from netvet.fixes.rerun import Rerun, rerun_apart
from netvet.fixes.study import LEAST_SCORE, score

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = (ROOT / "tests" / "sick", ROOT / "benchmarks" / "repairs")
HEALTHY = (ROOT / "tests" / "healthy",)
# A program is repaired when its score comes within this share of that of the healthy one.
WITHIN = 0.05
SEEDS = 3
_MEND = re.compile(r"^# mend: (.*?) -> (.*)$", re.MULTILINE)
_CAUSE = re.compile(r"^# expect: ([\w-]+)", re.MULTILINE)
_RECIPE = re.compile(r"^# with: recipe", re.MULTILINE)


@dataclass(frozen=True)
class Repair:
    """What came of one program. Scores are means over seeds, larger is better."""

    program: str
    fix: str
    metric: str
    before: float
    after: float
    healthy: float
    seconds: float
    trials: int

    @property
    def harmful(self) -> bool:
        """A change was recommended that makes the score worse."""
        return bool(self.fix) and self.after < self.before - LEAST_SCORE

    @property
    def repaired(self) -> bool:
        """The recommended fix brings what a person's mend brings, within 5 % of the way from the fault to it."""
        return bool(self.fix) and self.after >= self.healthy - WITHIN * max(abs(self.healthy), 1e-12)


def mended(text: str) -> str | None:
    """A program as a person would mend it; None where its header does not say how.

    Raises:
        ValueError: a text that is to be replaced does not stand in the program once.
    """
    pairs = _MEND.findall(text)
    body = _MEND.sub("", text)
    for old, new in pairs:
        old, new = (part.encode().decode("unicode_escape") for part in (old, new))
        if body.count(old) != 1:
            raise ValueError(f"{old!r} stands {body.count(old)} times in the program; expected once")
        body = body.replace(old, new)
    return body if pairs else None


def repair(path: Path) -> Repair:
    """Run `netvet fix` on a program, and the program as a person mends it, with the same seeds."""
    found = _fixed(path)
    one = found["rounds"][0]
    chosen = one["recommended"] or {}
    best = next((arm for arm in one["fixes"] if (arm["fix"], arm["what"]) == tuple(chosen.values())), None)
    text = mended(path.read_text())
    assert text is not None
    with tempfile.TemporaryDirectory() as folder:
        asked = [Rerun(str(path), folder=folder, sources={str(path): text}, seed=seed) for seed in range(SEEDS)]
        healthy = [rerun_apart(one) for one in asked]
    metric = best["metric"] if best else healthy[0].metric or "accuracy"
    values = [score(run, metric) for run in healthy]
    twin = [_value(run, metric) for run in one["unchanged"].values()]
    after = [_value(run, metric) for run in best["runs"].values()] if best else twin
    return Repair(
        path.stem, best["fix"] if best else "", metric, _mean(twin), _mean(after), _mean(values), found["seconds"],
        found["trials"],
    )  # fmt: skip


def _fixed(path: Path) -> dict[str, Any]:
    text = path.read_text()
    # What only an experiment shows, `netvet recipe` has named before.
    cause = _CAUSE.search(text) if _RECIPE.search(text) else None
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "fix.json"
        command = [sys.executable, "-m", "netvet", "fix", "--json", str(target)]
        command += ["--for", cause.group(1), str(path)] if cause is not None else [str(path)]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=1_800)
        if not target.exists():
            raise RuntimeError(done.stderr[-500:])
        loaded: dict[str, Any] = json.loads(target.read_text())
        return loaded


def _value(run: dict[str, Any], metric: str) -> float:
    found = run["scores"].get(metric)
    value = None if found is None or run["error"] else found["value"]
    if metric == "loss":
        return -float(value if value is not None else run["train_curve"][0][1])
    return max(0.0, float(value)) if value is not None else 0.0


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def table(programs: Sequence[Path], at_a_time: int) -> None:
    """Print one line for each program, then the shares."""
    print("| program | fix | metric | with the fault | repaired | healthy | trials | seconds |")
    print("|---|---|---|---|---|---|---|---|")
    rows = []
    for path, one in _each(repair, programs, at_a_time):
        if isinstance(one, Exception):
            print(f"| {path.stem} | {' '.join(f'{type(one).__name__}: {one}'[-200:].split())} |", flush=True)
            continue
        rows.append(one)
        numbers = f"{one.before:.3f} | {one.after:.3f}{'' if one.repaired else ' !'} | {one.healthy:.3f}"
        what = f"{one.program} | {one.fix or '-'} | {one.metric}"
        print(f"| {what} | {numbers} | {one.trials} | {one.seconds:.0f} |", flush=True)
    if rows:
        good = sum(one.repaired for one in rows)
        share = f"{good} of {len(programs)} programs repaired ({good / len(programs):.1%})"
        print(f"\n{share}: within {WITHIN:.0%} of the healthy one; {sum(one.harmful for one in rows)} made worse.")
        print(f"Median {median(one.seconds for one in rows):.0f} s, {median(one.trials for one in rows):.0f} trials.")


def table_of_healthy(programs: Sequence[Path], at_a_time: int) -> None:
    """Print which healthy programs were told to change anything."""
    told = 0
    for path, found in _each(_fixed, programs, at_a_time):
        failed = isinstance(found, Exception)
        chosen = None if failed else found["rounds"][0]["recommended"]
        told += chosen is not None
        what = f"{type(found).__name__}: {str(found)[-200:]}" if failed else chosen or "nothing to change"
        print(f"{path.stem:32} {what}", flush=True)
    print(f"\n{told} of {len(programs)} healthy programs were told to change something.")


def _each(work: Callable[[Path], Any], programs: Sequence[Path], at_a_time: int) -> Iterator[tuple[Path, Any]]:
    """What came of each program; of one that failed, the error: it must not end the benchmark."""
    with ThreadPoolExecutor(at_a_time) as threads:
        asked = [(path, threads.submit(work, path)) for path in programs]
        for path, one in asked:
            error = one.exception()
            yield path, error if isinstance(error, Exception) else one.result()


def _programs(folders: Sequence[Path], names: Sequence[str]) -> list[Path]:
    return [p for folder in folders for p in sorted(folder.glob("*.py")) if not names or p.stem in names]


def main() -> None:
    """Print the tables."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("programs", nargs="*", metavar="PROGRAM", help="names of programs (default: all)")
    made.add_argument("--at-a-time", type=int, default=1, metavar="N", help="programs (default: 1)")
    made.add_argument("--healthy", action="store_true", help="those without a fault instead")
    args = made.parse_args()
    if args.healthy:
        table_of_healthy(_programs(HEALTHY, args.programs), args.at_a_time)
    else:
        faulty = [p for p in _programs(FOLDERS, args.programs) if _MEND.search(p.read_text())]
        table(faulty, args.at_a_time)


if __name__ == "__main__":
    main()
