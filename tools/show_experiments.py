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
# Programs of tests/healthy and tests/sick that show what each experiment is for; of the healthy ones this, or another.
HEALTHY = "mlp_digits"
OTHERS = {
    "final-bias": "imbalanced_weighted",
    "dependencies": "char_transformer_tied",
    "one-by-one": "transformer_padding_mask",
    "activation-trial": "huber_small_batch",
    "optimizer-trial": "multilabel_bce",
    "augmentation": "label_smoothing_cnn",
    "augmentation-trial": "cnn_digits_nll",
    "dropout-trial": "cnn_digits_nll",
    "weight-decay-trial": "zero_init_head_no_decay",
    "early-stopping": "early_stopping_bce",
    "smaller-input": "cnn_digits_nll",
    "schedule": "resnet_onecycle",
    "ablation": "early_stopping_bce",
}
SICK = {
    "initial-loss": "unexpected_initial_loss",
    "final-bias": "hockey_stick_loss",
    "dependencies": "batch_mixing",
    "one-by-one": "batched_differs",
    "input-independent": "ignores_input",
    "shuffled-labels": "random_labels",
    "baselines": "below_baseline",
    "overfit-batch": "double_softmax",
    "capacity": "insufficient_capacity",
    "simple-twin": "unsuitable_architecture",
    "known-data": "unsuitable_architecture",
    "activation-trial": "saturating_activation",
    "depth-trial": "unstable_depth",
    "optimizer-trial": "unsuitable_optimizer",
    "momentum-trial": "wrong_momentum",
    "augmentation": "excessive_augmentation",
    "learning-curve": "too_few_samples",
    "dropout-trial": "oversized_dropout",
    "weight-decay-trial": "oversized_regularisation",
    "early-stopping": "overfitting",
    "smaller-batch": "too_large_batch",
    "lr-range": "lr_too_high",
    "adam-safe": "lr_too_low",
    "schedule": "lr_decays_early",
    "ablation": "oversized_dropout",
    "ensemble": "overfitting",
    "leave-it-training": "stopped_early",
}
# Where no program of the tests shows it: a step that is never the same twice, say, is not captured from a script.
PROGRAMS = "tests/experiments/programs/"
WELL = {
    "pretrained": f"{PROGRAMS}fine_tune.py",
    "depth-trial": f"{PROGRAMS}plain_tower.py",
    "momentum-trial": f"{PROGRAMS}heavy_momentum.py",
}
SETUPS = {
    "pretrained": f"{PROGRAMS}lost_weights.py",
    "determinism": f"{PROGRAMS}noise_without_seed.py:make_setup",
    "whole-evaluation": f"{PROGRAMS}r2_by_batch.py:make_setup",
    "smaller-input": f"{PROGRAMS}noisy_pictures.py:make_setup",
    "model-size": f"{PROGRAMS}narrow_net.py",
    "augmentation-trial": f"{PROGRAMS}moved_pictures.py",
    "batch-size": f"{PROGRAMS}large_batch.py",
    "distillation": f"{PROGRAMS}wrong_labels.py",
}
# Seconds for each experiment; more for one that gives an optimizer nine learning rates to choose from.
SECONDS = 60
MORE_SECONDS = {"optimizer-trial": 180}
KEYS = ("verdict", "message", "next")


def outcomes(names: list[str], program: str) -> dict[str, dict[str, str]]:
    """What these experiments say of one program."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "recipe.json"
        budget = f"{sum(MORE_SECONDS.get(name, SECONDS) for name in names)}s"
        command = [sys.executable, "-m", "netvet", "recipe", "--only", ",".join(names), "--budget", budget]
        command += ["--json", str(target), str(ROOT / program)]
        subprocess.run(command, cwd=folder, capture_output=True, check=False, timeout=1_800)
        found = json.loads(target.read_text())["experiments"]
    return {one["experiment"]: {"program": program, **{key: one[key] for key in KEYS}} for one in found}


def programs_of(name: str) -> list[str]:
    """The healthy and the sick program of an experiment."""
    sick = SETUPS.get(name) or f"tests/sick/{SICK[name]}.py"
    return [WELL.get(name) or f"tests/healthy/{OTHERS.get(name, HEALTHY)}.py", sick]


def main(asked: list[str]) -> None:
    """Run the experiments of these names, or all; each program once."""
    kept = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    names = [one.name for one in EXPERIMENTS if not asked or one.name in asked]
    by_program: dict[str, list[str]] = {}
    for name in names:
        for program in programs_of(name):
            by_program.setdefault(program, []).append(name)
    for program, some in by_program.items():
        for name, found in outcomes(some, program).items():
            sys.stdout.write(f"{name}  {found['program']}  {found['verdict']}: {found['message']}\n")
            sys.stdout.flush()
            shown = programs_of(name)
            own = [one for one in kept.get(name, []) if one["program"] in shown and one["program"] != found["program"]]
            kept[name] = sorted([*own, found], key=lambda one: shown.index(one["program"]))
        KEPT.write_text(json.dumps({name: kept[name] for name in sorted(kept)}, indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
