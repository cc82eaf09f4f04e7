"""Does a step that cannot be replayed differ by nature: two results from equal weights, data and random state?"""

from __future__ import annotations

import copy
import gc
import random
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.random import bit_generator
from torch import nn

from netvet.capture.site import Site, user_site
from netvet.capture.torch_models import Models
from netvet.capture.torch_ops import Recording
from netvet.capture.torch_order import place
from netvet.capture.torch_probe_tools import float_outputs, module_outputs
from netvet.capture.torch_replay import Replay

_CLOCKS = ("time", "time_ns", "perf_counter", "perf_counter_ns", "monotonic")
Outputs = list[tuple[str, list[torch.Tensor]]]


def unsteady_step(replay: Replay, recording: Recording, models: Models) -> dict[str, Any] | None:
    """The record of `step_repeat` for a step whose replays differ from the original; None where they are equal.

    Every generator of the process and every attribute of the copies starts from the same state in both runs, so
    that what they draw or count is no difference.
    """
    rounds = []
    source: tuple[str, Site | None] = ("", None)
    with torch.no_grad():
        for _ in range(2):
            with _kept_generators(), _kept_attributes(replay.models), _entropy() as drawn:
                rounds.append(_outputs(replay))
            source = next(iter(drawn), source)
    (one, loss), (two, other) = rounds
    if loss == other or loss != loss or other != other:
        return None
    name = next((a[0] for a, b in zip(one, two, strict=False) if _gap(a[1], b[1]) > 0), None)
    gaps = [_gap(a[1], b[1]) for a, b in zip(one, two, strict=False)]
    made = source[1] or _made_in(name, replay, recording, models)
    return {
        "equal": False, "max_difference": max([*gaps, abs(loss - other) / max(abs(loss), 1e-12)]), "first_layer": name,
        "seeded": True, "source": source[0], **place(made or recording.site),
    }  # fmt: skip


def _outputs(replay: Replay) -> tuple[Outputs, float]:
    found: Outputs = []

    def see(name: str, _module: nn.Module, _given: Any, output: Any) -> None:
        if len(found) < 1000:
            found.append((name, [t.clone() for t in float_outputs(output)]))

    with module_outputs(replay.models[0], see):
        loss = float(replay.run().loss.sum())
    return found, loss


def _gap(one: list[torch.Tensor], two: list[torch.Tensor]) -> float:
    gaps = [0.0]
    for a, b in zip(one, two, strict=False):
        if a.shape == b.shape and a.numel() and bool(torch.isfinite(a).all() & torch.isfinite(b).all()):
            gaps.append(float((a - b).abs().max()) / (float(a.abs().max()) or 1.0))
    return max(gaps)


def _made_in(name: str | None, replay: Replay, recording: Recording, models: Models) -> Site | None:
    """A line of the user's in the layer that differs first."""
    path = models.prefix(replay.calls[0].original) + (name or "")
    inside = (o.site for o in recording.origins.values() if name and o.module == path and o.site is not None)
    return next(inside, None)


@contextmanager
def _kept_generators() -> Iterator[None]:
    """Put back the state of every random generator of the process, the user's own ones among them, on leaving."""
    objects = gc.get_objects()
    # By type: asking an object for its class can run code of its own.
    bits = [o for o in objects if issubclass(type(o), np.random.BitGenerator)]
    bits += [o._bit_generator for o in objects if type(o) is np.random.RandomState]
    plain = [o for o in objects if type(o) is random.Random]
    # PyTorch's own are not tracked by the collector, nor are small dicts of them; what holds those is.
    held = gc.get_referents(*objects)
    held += gc.get_referents(*(o for o in held if type(o) in (dict, tuple) and not gc.is_tracked(o)))
    tensors = list({id(o): o for o in held if type(o) is torch.Generator}.values())
    del objects, held
    kept_bits = [copy.deepcopy(o.state) for o in bits]
    kept_plain, kept_tensors = [o.getstate() for o in plain], [g.get_state() for g in tensors]
    try:
        yield
    finally:
        for bit, one in zip(bits, kept_bits, strict=True):
            bit.state = one
        for generator, two in zip(plain, kept_plain, strict=True):
            generator.setstate(two)
        for tensor, three in zip(tensors, kept_tensors, strict=True):
            tensor.set_state(three)


@contextmanager
def _kept_attributes(models: list[nn.Module]) -> Iterator[None]:
    """Put back what modules count or remember in plain attributes."""
    kept = []
    for module in (sub for m in models for sub in m.modules()):
        plain = {k: v for k, v in vars(module).items() if not k.startswith("_") and not isinstance(v, nn.Module)}
        kept.append((module, copy.deepcopy(plain)))
    try:
        yield
    finally:
        for module, plain in kept:
            vars(module).update(plain)


@contextmanager
def _entropy() -> Iterator[list[tuple[str, Site | None]]]:
    """Listen for what no seed governs: numpy generators that are made without one, and the clock."""
    drawn: list[tuple[str, Site | None]] = []
    patched: list[tuple[Any, str, Any]] = []

    def listen(owner: Any, name: str, told: str) -> None:
        original: Callable[..., Any] = getattr(owner, name)

        def spy(*args: Any, **kwargs: Any) -> Any:
            site = user_site(2)
            direct = site is not None and site.line == sys._getframe(1).f_lineno
            if site is not None and (direct or told != "the clock"):
                drawn.append((told, site))
            return original(*args, **kwargs)

        patched.append((owner, name, original))
        setattr(owner, name, spy)

    try:
        if hasattr(bit_generator, "randbits"):
            listen(bit_generator, "randbits", "a numpy generator without a seed")
        for clock in _CLOCKS:
            listen(time, clock, "the clock")
        yield drawn
    finally:
        for owner, name, original in reversed(patched):
            setattr(owner, name, original)
