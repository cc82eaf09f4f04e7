"""cleanlab and CleanVision on the same data; where one is not installed the table says so.

Install them apart from netvet: `pip install -r benchmarks/requirements-rivals.txt`.
"""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter

import numpy as np
import numpy.typing as npt

from benchmarks.data_sets import Array, Data

NUMBER = npt.NDArray[np.int64]
# Names of Datalab's issues and of their columns.
ISSUES = {
    "exact duplicates": "near_duplicate", "split overlap": "near_duplicate", "near duplicates": "near_duplicate",
    "near split overlap": "near_duplicate", "outliers": "outlier", "label errors": "label", "missing values": "null",
}  # fmt: skip


@dataclass(frozen=True)
class Answer:
    """The samples that a tool names (None: not installed, or it has no such look), and how long it took."""

    tool: str
    samples: NUMBER | None
    seconds: float = 0.0


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep their progress and warnings out of the table."""
    logging.disable(logging.CRITICAL)
    out, err = contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO())
    with warnings.catch_warnings(), out, err:
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            logging.disable(logging.NOTSET)


def cleanlab_labels(tool: str, data: Data, probabilities: Array) -> Answer:
    """`find_label_issues` on probabilities [n, classes] of models that have not seen the samples."""
    if find_spec("cleanlab") is None:
        return Answer(tool, None)
    from cleanlab.filter import find_label_issues

    began = perf_counter()
    with quiet():
        marked = find_label_issues(data.targets, probabilities, n_jobs=1)
    return Answer(tool, np.flatnonzero(marked), perf_counter() - began)


def cleanlab(kind: str, data: Data, features: Array) -> Answer:
    """Datalab with the features that netvet has made (of tables: standardised), and for labels a linear model."""
    if find_spec("cleanlab") is None or kind not in ISSUES:
        return Answer("cleanlab", None)
    if kind == "label errors":
        began = perf_counter()
        said = _probabilities(_scaled(features), data.targets)
        fitting = perf_counter() - began
        found = cleanlab_labels("cleanlab (linear)", data, said)
        return Answer(found.tool, found.samples, found.seconds + fitting)
    from cleanlab import Datalab

    issue, began = ISSUES[kind], perf_counter()
    if issue == "null":
        values: Array = data.inputs
    else:
        values = _scaled(features) if data.form == "table" else features
    task = "classification" if data.classes else "regression"
    with quiet():
        lab = Datalab(data={"y": data.targets}, label_name="y", task=task)
        lab.find_issues(features=values, issue_types={issue: {}})
        marked = lab.get_issues(issue)[f"is_{issue}_issue"].to_numpy()
    return Answer("cleanlab", np.flatnonzero(marked), perf_counter() - began)


def _scaled(features: Array) -> Array:
    from sklearn.preprocessing import StandardScaler

    return np.asarray(StandardScaler().fit_transform(np.nan_to_num(features)))


def _probabilities(values: Array, targets: Array) -> Array:
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=300))
    return np.asarray(cross_val_predict(model, values, targets, cv=5, method="predict_proba"))


def clean_vision(kind: str, folder: Path) -> Answer:
    """CleanVision on the folder of images, whose names are their numbers."""
    looks = {"exact duplicates": ("exact",), "split overlap": ("exact",)}
    looks |= dict.fromkeys(("near duplicates", "near split overlap"), ("near", "exact"))
    if find_spec("cleanvision") is None or kind not in looks:
        return Answer("CleanVision", None)
    from cleanvision import Imagelab

    began = perf_counter()
    with quiet():
        lab = Imagelab(data_path=str(folder))
        lab.find_issues({f"{look}_duplicates": {} for look in looks[kind]}, n_jobs=1)
        sets = [path for look in looks[kind] for s in lab.info[f"{look}_duplicates"]["sets"] for path in s]
    numbers = np.array(sorted({int(Path(path).stem) for path in sets}), dtype=np.int64)
    return Answer("CleanVision", numbers, perf_counter() - began)
