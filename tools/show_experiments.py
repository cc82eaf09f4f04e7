"""Run each experiment on a healthy and on a sick program, and keep what it says for its page.

The outcomes go into `tools/experiments.json`, from which `tools/generate_docs.py` makes the pages. Run it with
`python -m tools.show_experiments [NAME ...]` when an experiment has changed: it takes some minutes.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from netvet.experiments import EXPERIMENTS

ROOT = Path(__file__).resolve().parent.parent
KEPT = ROOT / "tools" / "experiments.json"
# Programs of tests/healthy and tests/sick that show what each experiment is for.
HEALTHY = "mlp_digits"
SICK = {
    "initial-loss": "unexpected_initial_loss",
    "final-bias": "hockey_stick_loss",
    "determinism": "nondeterministic_step",
    "dependencies": "batch_mixing",
    "one-by-one": "batched_differs",
    "whole-evaluation": "partial_evaluation",
    "pretrained": "overwritten_pretraining",
    "input-independent": "ignores_input",
    "shuffled-labels": "random_labels",
    "baselines": "below_baseline",
    "overfit-batch": "double_softmax",
    "capacity": "insufficient_capacity",
    "simple-twin": "vanishing_gradient",
    "known-data": "vanishing_gradient",
    "lr-range": "lr_too_high",
    "adam-safe": "lr_too_low",
    "schedule": "lr_decays_early",
    "batch-size": "too_small_batch",
    "ablation": "regularisation_dominates",
    "learning-curve": "overfitting",
    "dropout-trial": "oversized_dropout",
    "early-stopping": "overfitting",
    "ensemble": "overfitting",
    "leave-it-training": "stopped_early",
}
BUDGET = "60s"


def outcome(name: str, program: Path) -> dict[str, str]:
    """What the experiment says of one program."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "recipe.json"
        command = [sys.executable, "-m", "netvet", "recipe", "--only", name, "--budget", BUDGET, "--json", str(target)]
        command.append(str(program))
        subprocess.run(command, cwd=folder, capture_output=True, check=False, timeout=600)
        (found,) = json.loads(target.read_text())["experiments"]
    shown = program.relative_to(ROOT)
    return {"program": str(shown), **{key: found[key] for key in ("verdict", "message", "next")}}


def main(names: list[str]) -> None:
    """Run the experiments of these names, or all."""
    kept = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    for one in EXPERIMENTS:
        if names and one.name not in names:
            continue
        programs = [ROOT / "tests" / "healthy" / f"{HEALTHY}.py"]
        if one.name in SICK:
            programs.append(ROOT / "tests" / "sick" / f"{SICK[one.name]}.py")
        kept[one.name] = [outcome(one.name, program) for program in programs]
        KEPT.write_text(json.dumps(kept, indent=1) + "\n")
        for found in kept[one.name]:
            sys.stdout.write(f"{one.name}  {found['program']}  {found['verdict']}: {found['message']}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
