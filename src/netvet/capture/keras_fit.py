"""What `fit` was called with, read off its own variables while it runs."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from types import FrameType
from typing import Any

from netvet.capture.site import Site, user_site
from netvet.capture.summaries import place


@dataclass(frozen=True, slots=True)
class Fit:
    """A call of `fit`.

    Args:
        samples: in the training data, where they are one array.
        class_weight: by class, as a list.
        data: class of what gives the batches; `callbacks`: the list that tells all of them.
        validates: on data of its own.
    """

    site: Site | None
    shuffled: bool | None
    batch_size: int | None
    batches: int | None
    samples: int | None
    epochs: int | None
    class_weight: list[float] | None
    data: str
    callbacks: Any = None
    validates: bool = False


def fit_around(model: Any) -> Fit | None:
    """The call of `fit` of a model that is running; None where there is none."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        code = frame.f_code
        if (
            code.co_name == "fit"
            and f"keras{_SEPARATOR}src" in code.co_filename
            and frame.f_locals.get("self") is model
        ):
            return _read(frame.f_locals)
        frame = frame.f_back
    return None


_SEPARATOR = "\\" if sys.platform == "win32" else "/"


def _read(given: dict[str, Any]) -> Fit:
    iterator, x = given.get("epoch_iterator"), given.get("x")
    weights = given.get("class_weight")
    listed = None
    if isinstance(weights, dict) and weights and all(isinstance(k, int) or str(k).isdigit() for k in weights):
        listed = [float(weights.get(k, 1.0)) for k in range(max(int(k) for k in weights) + 1)]
    shape = getattr(x, "shape", None) or ()
    adapter = type(getattr(iterator, "data_adapter", None)).__name__
    arrays = adapter == "ArrayDataAdapter"
    size = given.get("batch_size") or (32 if arrays else None)
    samples = [int(n) for n in shape]
    return Fit(
        user_site(3), bool(given.get("shuffle")) if arrays else None, size, getattr(iterator, "num_batches", None),
        samples[0] if samples else None, given.get("epochs"), listed, adapter, _listing(given.get("callbacks")),
        given.get("validation_data") is not None,
    )  # fmt: skip


def note_loader(loaders: list[dict[str, Any]], fit: Fit) -> None:
    """Add a record of `loaders`, where the batches are cut by Keras itself."""
    name = str(fit.site or "?")
    if any(record["name"] == name for record in loaders) or fit.shuffled is None:
        return
    shared = {**place(fit.site), **place(fit.site, "created_"), "dataset": fit.data, "batch_size": fit.batch_size}
    shared |= {"sampler": None, "drop_last": False, "workers": 0, "iterable": False, "distributed_sampler": False}
    sizes = {"samples": fit.samples, "batches": fit.batches, "epochs": fit.epochs}
    loaders.append({"name": name, **shared, **sizes, "shuffled": fit.shuffled, "phase": "train"})
    if fit.validates:
        loaders.append({"name": f"{name} (validation)", **shared, "shuffled": False, "phase": "eval", "samples": None})


def _listing(callbacks: Any) -> Any:
    return callbacks if hasattr(callbacks, "callbacks") else None
