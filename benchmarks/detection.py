"""How often is the diagnosis right? Runs every program of the corpus under netvet and prints tables.

    python -m benchmarks.detection [--seeds 0 1 2] [--only NAME ...] [--jobs 2] [--also FOLDER ...]

Each run has one thread and at most 180 s. The results are written to benchmarks/detection.json. With
`--figures docs/figures/detection.json` the figures that the pages of the checks show are written too (`make docs`).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.scoring import Row, Score, by_check, read_header, rows, score, totals

ROOT = Path(__file__).resolve().parent.parent
CORPUS = (ROOT / "tests" / "sick", ROOT / "tests" / "healthy")
OUTPUT = ROOT / "benchmarks" / "detection.json"
TIMEOUT = 180
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}


def programs(folders: Sequence[Path], only: Sequence[str]) -> list[Path]:
    """The programs of the folders (and of their sub-folders); `only` names files or the check they expect."""
    found = [p for folder in folders for p in sorted(folder.rglob("*.py"))]
    if not only:
        return found
    wanted = {name.removesuffix(".py").replace("-", "_") for name in only}
    return [p for p in found if p.stem in wanted or _expected(p) in wanted]


def _expected(path: Path) -> str:
    return read_header(path.read_text(encoding="utf-8")).expect.replace("-", "_")


def run(path: Path, seed: int) -> tuple[Score, dict[str, Any]]:
    """One program under netvet: its score, and what is worth keeping of the report."""
    start, header = time.perf_counter(), read_header(path.read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "report.json"
        command = [sys.executable, "-m", "netvet", *header.arguments(str(path), str(target))]
        seeded = ["--seed", str(seed)]
        if header.audits:
            _call([sys.executable, str(path), *seeded], folder)
        failure = _call(command if header.audits else [*command, *seeded], folder)
        report = json.loads(target.read_text(encoding="utf-8")) if target.exists() else None
    result = score(path.name, seed, header, report)
    kept: dict[str, Any] = {**asdict(result), "folder": path.parent.name, "seconds": time.perf_counter() - start}
    if report is None:
        kept["failure"] = failure
    else:
        kept |= {"diagnosis": report["diagnosis"], "findings": [_brief(f) for f in report["findings"]]}
    return result, kept


def _call(command: Sequence[str], folder: str) -> str:
    """Run in a folder of its own; the last lines of what went wrong, if it did."""
    try:
        done = subprocess.run(
            command, cwd=folder, env=ENVIRONMENT, timeout=TIMEOUT, capture_output=True, text=True, check=False
        )
    except subprocess.TimeoutExpired:
        return f"ran longer than {TIMEOUT} s"
    return f"exit code {done.returncode}\n{done.stderr[-2000:]}"


def _brief(finding: dict[str, Any]) -> dict[str, Any]:
    return {key: finding.get(key) for key in ("check", "severity", "message", "location")}


def table(title: str, found: Sequence[Row]) -> str:
    """Aligned text columns."""
    lines = [f"{title:42} runs right located  most common wrong answer"]
    for row in found:
        located = f"{row.located}/{row.locatable}" if row.locatable else "-"
        lines.append(f"{row.name:42} {row.runs:4} {row.right:5} {located:>7}  {row.wrong}".rstrip())
    return "\n".join(lines)


def summary(scores: Sequence[Score]) -> str:
    """The totals in three lines."""
    t = totals(scores)
    return (
        f"first diagnosis right: {t['right']:.1%} of {t['sick_runs']} runs of sick programs\n"
        f"right line:            {t['located']:.1%} of {t['locatable_runs']} runs where a line is to blame\n"
        f"false alarms:          {t['false_alarms']:.1%} of {t['healthy_runs']} runs of healthy programs"
        + (f"\nno report:             {t['no_report']} runs" if t["no_report"] else "")
    )


def measure(paths: Sequence[Path], seeds: Sequence[int], jobs: int) -> tuple[list[Score], list[dict[str, Any]]]:
    """Run all programs at all seeds, some at a time; one line of progress each on stderr."""
    scores, kept = [], []
    todo = [(path, seed) for path in paths for seed in seeds]
    with ThreadPoolExecutor(jobs) as pool:
        for i, (one, details) in enumerate(pool.map(lambda job: run(*job), todo), 1):
            scores.append(one)
            kept.append(details)
            mark = "ok   " if one.right else "WRONG"
            print(f"[{i}/{len(todo)}] {mark} {one.program} seed {one.seed}: {one.answer}", file=sys.stderr, flush=True)
    return scores, kept


def main() -> int:
    """Run the benchmark; exit 1 when no program was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="programs, or the checks they expect")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--also", type=Path, nargs="+", default=[], metavar="FOLDER", help="further programs")
    parser.add_argument("--output", type=Path, default=OUTPUT)
    parser.add_argument("--figures", type=Path, help="where the figures of each check are written, for the docs")
    args = parser.parse_args()
    paths = programs([*CORPUS, *(folder.resolve() for folder in args.also)], args.only)
    if not paths:
        print("no program of that name", file=sys.stderr)
        return 1
    scores, kept = measure(paths, args.seeds, args.jobs)
    result = {"seeds": args.seeds, "totals": totals(scores), "runs": kept}
    args.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    sick = [s for s in scores if s.expect]
    healthy = [s for s in scores if not s.expect]
    if args.figures:
        figures = {"seeds": args.seeds, "healthy_runs": len(healthy), "checks": by_check(kept)}
        args.figures.parent.mkdir(parents=True, exist_ok=True)
        args.figures.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    for title, group in (("check", sick), ("healthy program", healthy)):
        if group:
            print(table(title, rows(group)), end="\n\n")
    print(summary(scores))
    return 0


if __name__ == "__main__":
    sys.exit(main())
