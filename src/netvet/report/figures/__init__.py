"""The pictures of a run: functions from its signals to figures, and the table of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from functools import cache
from importlib import import_module
from typing import Protocol

from netvet.core import Facts, LayerSeries, NetvetError, Series
from netvet.report.figures.spec import Figure, Panel
from netvet.store import Thinned


class Source(Protocol):
    """What pictures are made from: a stored run."""

    def get(self, signal: str) -> Series | LayerSeries | Facts | None:
        """The signal, or None where it was not recorded."""

    def thinned(self, signal: str, factor: int, key: str | None = None) -> dict[str, Thinned]:
        """Every series of a signal in buckets."""


Draw = Callable[[Source], Iterable[Figure]]
# Heat maps of parameters and layers, each a group of its own: of a run that goes on only what is looked at is read.
MAPS = (
    "param_grad_norm", "update_ratio", "param_norm", "param_std", "grad_cosine", "non_finite_grads", "activation_std",
    "activation_mean", "dead_unit_share", "saturated_unit_share", "attention_entropy", "attention_max_logit",
)  # fmt: skip
# Module and function (and its argument) of each group of figures, and the panel that shows them. A function gives
# nothing where the signals that it needs were not recorded.
FIGURES: dict[str, tuple[str, Panel]] = {
    "losses": ("curves:losses", "training"),
    "accuracy": ("curves:accuracy", "training"),
    "metrics": ("curves:metrics", "training"),
    "training": ("curves:training", "training"),
    "inputs": ("entering:net_inputs", "data"),
    "ids": ("entering:ids", "data"),
    "samples": ("entering:samples", "data"),
    "loss inputs": ("entering:loss_inputs", "predictions"),
    "gradients": ("curves:gradients", "training"),
    "predictions in training": ("curves:spread", "training"),
    "values that are not finite": ("not_finite:in_inputs", "data"),
    "data types": ("stopped:types", "data"),
    "labels without an output": ("stopped:labels", "data"),
    "copied target": ("targets:copied", "data"),
    "class weights": ("targets:weights", "data"),
    "targets by batch": ("targets:batches", "data"),
    "checkpoint": ("resumed:resumed", "training"),
    "evaluations": ("evaluated:changed", "training"),
    "cut loss": ("detached:cut_off", "model"),
    "loss terms": ("predictions:terms", "training"),
    **{f"map of {signal}": (f"layers:map_of:{signal}", "layers") for signal in MAPS},
    "initial scale": ("depth:initial_scale", "layers"),
    "depth": ("depth:depth", "layers"),
    "distribution of weights": ("distributions:distributions:weights", "layers"),
    "distribution of gradients": ("distributions:distributions:gradients", "layers"),
    "distribution of outputs": ("distributions:distributions:outputs", "layers"),
    "first-layer weights": ("samples:filters", "layers"),
    "predictions": ("predictions:predictions", "predictions"),
    "held-out predictions": ("held_out:held_out", "predictions"),
    "worst samples": ("samples:worst", "predictions"),
    "prediction dynamics": ("samples:dynamics", "predictions"),
    "fixed batch": ("samples:batch", "data"),
    "mean pictures": ("samples:means", "data"),
    "samples of an audit": ("audited:named", "data"),
    "data": ("data:overview", "data"),
    "splits": ("data:differences", "data"),
    "sample losses": ("losses:sample_losses", "data"),
    "model": ("model:graphs", "model"),
    "learning rates": ("rates:other_rates", "experiments"),
    "experiments": ("experiments:outcomes", "experiments"),
    "tuning": ("tuning:search", "experiments"),
    "fixes": ("fixes:studies", "fixes"),
    "cost": ("cost:cost", "cost"),
}


class Remembered:
    """A source that reads each signal once for all pictures.

    Attributes:
        named: what findings speak of, such as layers: where a picture has no room for all, these are in it.
    """

    def __init__(self, source: Source, named: Collection[str] = ()) -> None:
        self.get = cache(source.get)
        self.thinned = cache(source.thinned)
        self.named = frozenset(named)


def load(name: str) -> Draw:
    """The function that makes a group of figures."""
    module, function, *argument = FIGURES[name][0].split(":")
    found: Callable[..., Iterable[Figure]] = getattr(import_module(f"netvet.report.figures.{module}"), function)
    return lambda source: found(source, *argument)


def group_of(name: str, source: Source) -> tuple[list[Figure], str | None]:
    """A group of figures, and a line if it failed: a page must never fail for one picture."""
    try:
        made = list(load(name)(source))
    except NetvetError as error:
        return [], f"no picture of {name}: {error}"
    except Exception as error:
        return [], f"no picture of {name}: {type(error).__name__}: {error} (please report it)"
    for figure in made:
        figure["panel"] = FIGURES[name][1]
    return made, None


def figures_of(source: Source, named: Collection[str] = ()) -> tuple[list[Figure], list[str]]:
    """All figures of a run, and a line for each group that failed; `named`: what findings speak of."""
    remembered = Remembered(source, named)
    groups = [group_of(name, remembered) for name in FIGURES]
    return [figure for made, _ in groups for figure in made], [problem for _, problem in groups if problem]
