"""How often `netvet fix` mends a program, and how near the score comes to that of the program without its fault.

Programs say in a header how a person would mend them, as texts that take the place of others:
`# mend: old -> new`. Run it with `make bench-repair` or `python -m benchmarks.repair [PROGRAM ...]`.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from netvet.fixes.rerun import Rerun, rerun_apart
from netvet.fixes.study import LEAST_SCORE, score

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = (ROOT / "tests" / "sick", ROOT / "benchmarks" / "repairs")
# A program is repaired when its score comes within this share of that of the healthy one.
WITHIN = 0.05
SEEDS = 3
_MEND = re.compile(r"^# mend: (.*?) -> (.*)$", re.MULTILINE)


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
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "fix.json"
        command = [sys.executable, "-m", "netvet", "fix", "--json", str(target), str(path)]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=1_800)
        if not target.exists():
            raise RuntimeError(done.stderr[-500:])
        loaded: dict[str, Any] = json.loads(target.read_text())
        return loaded


def _value(run: dict[str, Any], metric: str) -> float:
    found = run["scores"].get(metric)
    value = None if found is None or run["error"] else found["value"]
    if metric == "loss":
        return -value if value is not None else -run["train_curve"][0][1]
    return max(0.0, value) if value is not None else 0.0


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def main(asked: Sequence[str]) -> None:
    """Print the table: one line for each program, then the shares."""
    programs = [p for folder in FOLDERS for p in sorted(folder.glob("*.py")) if not asked or p.stem in asked]
    programs = [p for p in programs if _MEND.search(p.read_text())]
    print("| program | fix | metric | with the fault | repaired | healthy | trials | seconds |")
    print("|---|---|---|---|---|---|---|---|")
    rows = []
    for path in programs:
        try:
            one = repair(path)
        except Exception as error:  # one program must not end the benchmark
            print(f"| {path.stem} | {type(error).__name__}: {str(error)[-200:]} |", flush=True)
            continue
        rows.append(one)
        numbers = f"{one.before:.3f} | {one.after:.3f}{'' if one.repaired else ' !'} | {one.healthy:.3f}"
        what = f"{one.program} | {one.fix or '-'} | {one.metric}"
        print(f"| {what} | {numbers} | {one.trials} | {one.seconds:.0f} |", flush=True)
    if rows:
        good = sum(one.repaired for one in rows)
        share = f"{good} of {len(rows)} programs repaired ({good / len(rows):.1%})"
        print(f"\n{share}: within {WITHIN:.0%} of the healthy one; {sum(one.harmful for one in rows)} made worse.")
        print(f"Median {median(one.seconds for one in rows):.0f} s, {median(one.trials for one in rows):.0f} trials.")


if __name__ == "__main__":
    main(sys.argv[1:])
