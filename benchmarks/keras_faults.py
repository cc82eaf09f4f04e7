"""How many faults of a published set are diagnosed rightly? Rebuilds them in Keras 3 and prints a table.

    KERAS_BACKEND=torch python -m benchmarks.keras_faults [--only M-HLR D4 ...]

The set is that of Humbatova, Kim, Jahangirova, Yoo and Tonella (EMSE 30:124, 2025): 33 faults, of which 26 can be
rebuilt from what the paper and its repository say. The data are stand-ins of the same kind (digits of scikit-learn for
MNIST and CIFAR-10, word counts of a topic model for Reuters), so the figures of the published tools, which are for the
original programs, are beside ours and not the same measurement. The results are written to
benchmarks/keras_faults.json.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

OUTPUT = Path(__file__).resolve().parent / "keras_faults.json"
# Recall over the 33 faults, by the faults as injected and with the alternatives that the authors accept (Table 13).
PUBLISHED = {"DeepFD": (0.33, 0.55), "NeuraLint": (0.19, 0.36), "UMLAUT": (0.19, 0.25), "DeepDiagnosis": (0.15, 0.21)}

_BEGIN = """import keras
import numpy as np
from keras import layers
from sklearn.datasets import load_digits, load_iris

keras.utils.set_random_seed(1)
rng = np.random.default_rng(1)
"""
_DIGITS = """digits = load_digits()
x = digits.images[..., None].astype("float32") / 16
y = keras.utils.to_categorical(digits.target, 10)
"""
_WORDS = """topics = rng.dirichlet(np.full(600, 0.05), size=20)
labels = rng.integers(0, 20, 3000)
x = np.stack([rng.multinomial(40, 0.6 * topics[k] + 0.4 / 600) > 0 for k in labels]).astype("float32")
y = keras.utils.to_categorical(labels, 20)
"""


def _cnn(
    optimizer: str, epochs: int, batch: int = 128, out: str = "softmax", first: str = "glorot_uniform",
    hidden: str = "relu", second: str = "glorot_uniform", scale: str = "",
) -> str:  # fmt: skip
    return f"""{_BEGIN}{_DIGITS}{scale}
model = keras.Sequential([
    keras.Input((8, 8, 1)),
    layers.Conv2D(16, 3, activation="{hidden or "linear"}", kernel_initializer="{first}"),
    layers.Conv2D(32, 3, activation="{hidden or "linear"}", kernel_initializer="{second}"),
    layers.MaxPooling2D(2),
    layers.Dropout(0.25),
    layers.Flatten(),
    layers.Dense(64, activation="relu"),
    layers.Dropout(0.5),
    layers.Dense(10, activation="{out}"),
])
model.compile(keras.optimizers.{optimizer}, "categorical_crossentropy", metrics=["accuracy"])
model.fit(x[:1500], y[:1500], epochs={epochs}, batch_size={batch}, verbose=0, validation_data=(x[1500:], y[1500:]))
"""


def _reuters(
    out: str = "softmax", optimizer: str = "Adam()", loss: str = "categorical_crossentropy",
    init: str = "glorot_uniform", regular: str = "None",
) -> str:  # fmt: skip
    return f"""{_BEGIN}{_WORDS}
model = keras.Sequential([
    keras.Input((600,)),
    layers.Dense(512, activation="relu", kernel_initializer="{init}", kernel_regularizer={regular}),
    layers.Dropout(0.5),
    layers.Dense(20, activation="{out}"),
])
model.compile(keras.optimizers.{optimizer}, "{loss}", metrics=["accuracy"])
model.fit(x, y, epochs=3, batch_size=32, validation_split=0.1, verbose=0)
"""


def _stack(size: int, *dense: tuple[int, str]) -> str:
    """Layers of a network, each as its width and its activation."""
    made = [f'layers.Dense({width}, activation="{activation}")' for width, activation in dense]
    return ", ".join([f"keras.Input(({size},))", *made])


def _dense(data: str, stack: str, compiled: str, fitted: str) -> str:
    return f"""{_BEGIN}{data}
model = keras.Sequential([{stack}])
model.compile({compiled})
model.fit(x, y, verbose=0, {fitted})
"""


_TWO = """digits = load_digits(n_class=2)
x, y = digits.data.astype("float32") / 16, digits.target.astype("float32")
"""
_FLAT = """digits = load_digits()
x, y = digits.data.astype("float32") / 16, keras.utils.to_categorical(digits.target, 10)
"""
_PLANE = """x = rng.uniform(0, 1, (2000, 2)).astype("float32")
y = (x[:, 0] > x[:, 1]).astype("float32")
y = np.stack([y, 1 - y], 1)
"""
_XOR = """x = rng.integers(0, 2, (1000, 2)).astype("float32")
y = keras.utils.to_categorical(x[:, 0] != x[:, 1], 2)
"""
_LINE = """x = rng.uniform(0, 10, (500, 1)).astype("float32")
y = 3.0 * x[:, 0] + 4.0
"""
_THREE = """x = rng.uniform(-3, 3, (1500, 2)).astype("float32")
value = np.sin(x[:, 0]) + x[:, 1] ** 2 / 4
y = keras.utils.to_categorical(np.digitize(value, np.quantile(value, [1 / 3, 2 / 3])), 3)
"""
_SQUARE = """x = np.arange(-50, 50, 0.25).astype("float32")[:, None]
y = x[:, 0] ** 2
"""
_IRIS = """x, target = load_iris(return_X_y=True)
x, y = x.astype("float32"), keras.utils.to_categorical(target)
"""
_PIMA = """x = rng.normal(size=(768, 8)) * [3.4, 32, 19, 16, 115, 7.9, 0.33, 11.8]
x += [3.8, 121, 69, 20.5, 80, 32, 0.47, 33]
risk = 0.035 * (x[:, 1] - 121) + 0.09 * (x[:, 5] - 32) + 0.02 * (x[:, 7] - 33) - 0.9
y = (rng.random(768) < 1 / (1 + np.exp(-risk))).astype("float32")
"""


@dataclass(frozen=True)
class Recipe:
    """One fault of the set.

    Args:
        accepted: checks that name the fault or an alternative that the authors' neutrality search accepts.
    """

    name: str
    program: str
    accepted: tuple[str, ...]


_OUTPUT = ("wrong-output-activation", "logits-as-probabilities")
RECIPES = (
    Recipe("M-HLR", _cnn("Adadelta(0.001)", 12), ("lr-too-low", "unsuitable-optimizer")),
    Recipe("M-WCI", _cnn("Adadelta(1.0)", 12, first="zeros"), ("symmetric-init",)),
    Recipe("M-ACH", _cnn("Adadelta(1.0)", 12, out="linear"), (*_OUTPUT, "mismatched-loss")),
    Recipe("R-ACH a", _reuters(out="softsign"), _OUTPUT),
    Recipe("R-ACH b", _reuters(out="linear"), _OUTPUT),
    Recipe("R-HLR", _reuters(optimizer="Adam(1.0)"), ("lr-too-high",)),
    Recipe("R-LCH", _reuters(loss="hinge"), ("mismatched-loss",)),
    Recipe("R-OCH", _reuters(optimizer="SGD(0.001)"), ("unsuitable-optimizer", "lr-too-low")),
    Recipe("R-WCI", _reuters(init="ones"), ("symmetric-init", "badly-scaled-init")),
    Recipe("R-RAW", _reuters(regular='"l2"'), ("regularisation-dominates", "oversized-regularisation")),
    Recipe("C-ACH", _cnn("Adam()", 12, hidden="hard_sigmoid"), ("saturating-activation", "vanishing-gradient")),
    Recipe("C-HNE", _cnn("Adam()", 1, batch=32), ("stopped-early",)),
    Recipe("C-WCI", _cnn("Adam()", 12, second="zeros"), ("symmetric-init",)),
    Recipe("D1", _dense(_TWO, _stack(64, (32, "relu"), (1, "softmax")),
                        '"adam", "binary_crossentropy", metrics=["accuracy"]', "epochs=10"), _OUTPUT),
    Recipe("D3", _dense(_PLANE, _stack(2, (64, "relu"), (2, "softmax")),
                        'keras.optimizers.RMSprop(0.0001), "mean_absolute_error"', "epochs=3, batch_size=200"),
           ("mismatched-loss", "too-large-batch", "lr-too-low")),
    Recipe("D4", _dense(_FLAT, _stack(64, (30, "linear"), (10, "linear")),
                        'keras.optimizers.SGD(3.0), "mse", metrics=["accuracy"]', "epochs=5, batch_size=10"),
           ("missing-nonlinearity", "lr-too-high", "mismatched-loss")),
    Recipe("D5", _cnn("Adam(0.0003)", 5, batch=750), ("stopped-early", "too-large-batch", "lr-too-low")),
    Recipe("D6", _dense(_XOR, _stack(2, (2, "relu"), (2, "softmax")),
                        'keras.optimizers.Adam(0.001), "categorical_crossentropy"', "epochs=5"),
           ("lr-too-low", "stopped-early")),
    Recipe("D7", _dense(_LINE, _stack(1, (1, "linear")),
                        'keras.optimizers.RMSprop(0.001), "mae"', "epochs=10"),
           ("lr-too-low", "stopped-early")),
    Recipe("D8", _dense(_THREE, _stack(2, (16, "sigmoid"), (3, "softmax")),
                        'keras.optimizers.SGD(0.01), "categorical_crossentropy"', "epochs=10"),
           ("unsuitable-optimizer", "lr-too-low", "stopped-early", "saturating-activation")),
    Recipe("D9", _cnn("SGD(0.01)", 4, hidden="", scale="x = x * 255\n"), ("unscaled-input", "missing-nonlinearity")),
    Recipe("D11", _dense(_TWO, _stack(64, (8, "relu"), (1, "softmax")),
                         '"sgd", "binary_crossentropy", metrics=["accuracy"]', "epochs=10"), _OUTPUT),
    Recipe("D12", _dense(_FLAT + "x = x * 255\n", _stack(64, (64, "relu"), (10, "softmax")),
                         '"adam", "categorical_crossentropy", metrics=["accuracy"]', "epochs=10"), ("unscaled-input",)),
    Recipe("D13", _dense(_IRIS, _stack(4, (4, "sigmoid"), (3, "sigmoid")),
                         '"sgd", "categorical_crossentropy", metrics=["accuracy"]', "epochs=60, batch_size=10"),
           (*_OUTPUT, "mismatched-loss", "insufficient-capacity", "lr-too-low", "stopped-early")),
    Recipe("D14", _dense(_SQUARE, _stack(1, (8, "relu"), (1, "sigmoid")),
                         '"sgd", "mse"', "epochs=20"), ("wrong-output-activation", "unscaled-target")),
    Recipe("D16", _dense(_PIMA, _stack(8, (4, "relu"), (1, "sigmoid")),
                         '"adam", "binary_crossentropy", metrics=["accuracy"]', "epochs=20, batch_size=10"),
           ("insufficient-capacity", "underfitting")),
)  # fmt: skip


def run(recipe: Recipe, folder: Path) -> dict[str, Any]:
    """One rebuilt program under netvet, in this process, which imports Keras once: what is diagnosed, surest first."""
    from netvet.cli import main as netvet

    script, target, said = folder / "train.py", folder / "report.json", io.StringIO()
    script.write_text(recipe.program, encoding="utf-8")
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said), contextlib.suppress(SystemExit):
        netvet(["run", "--json", str(target), "--store", str(folder / "runs"), str(script)])
    if not target.exists():
        return {"name": recipe.name, "failure": said.getvalue()[-500:], "diagnosis": [], "found": []}
    report = json.loads(target.read_text(encoding="utf-8"))
    grave = list(dict.fromkeys(f["check"] for f in report["findings"] if f["severity"] != "note"))
    return {"name": recipe.name, "diagnosis": [d["check"] for d in report["diagnosis"]], "found": grave}


def scored(recipe: Recipe, result: dict[str, Any]) -> dict[str, Any]:
    """The result with `first` (the first verdict names the fault), `named` (one does) and `seen` (a finding does)."""
    lists = {"first": result["diagnosis"][:1], "named": result["diagnosis"], "seen": result["found"]}
    return result | {name: any(c in recipe.accepted for c in some) for name, some in lists.items()}


def main() -> None:
    """Run the recipes and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", default=[])
    only = parser.parse_args().only
    os.environ.setdefault("KERAS_BACKEND", "torch")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    rows = []
    for recipe in RECIPES:
        if only and recipe.name not in only:
            continue
        with tempfile.TemporaryDirectory() as folder:
            row = scored(recipe, run(recipe, Path(folder)))
        rows.append(row)
        mark = "first" if row["first"] else "named" if row["named"] else "seen" if row["seen"] else "-"
        sys.stdout.write(
            f"| {row['name']} | {mark} | {', '.join(row['diagnosis']) or row.get('failure', 'nothing')} |\n"
        )
        sys.stdout.flush()
    counts = {name: sum(row[name] for row in rows) for name in ("first", "named", "seen")}
    sys.stdout.write(
        f"\nof {len(rows)}: first verdict {counts['first']}, a verdict {counts['named']}, seen {counts['seen']}\n"
    )
    for tool, (strict, wide) in PUBLISHED.items():
        sys.stdout.write(f"published recall of {tool} over 33: {strict:.2f}, with alternatives {wide:.2f}\n")
    if not only:
        OUTPUT.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
