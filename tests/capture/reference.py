"""A naive float64 reference for what is recorded of a training step, computed by the training loop of a test."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest
import torch
from torch import nn

from netvet.store import Run


def wide(tensor: torch.Tensor) -> torch.Tensor:
    """All elements in double precision, as one axis."""
    dense = tensor.detach().to_dense() if tensor.is_sparse else tensor.detach()
    return dense.to(torch.complex128 if dense.is_complex() else torch.float64).reshape(-1).clone()


def norm(values: torch.Tensor) -> float:
    return math.sqrt(float((values.abs() ** 2).sum()))


def deviation(values: torch.Tensor) -> float:
    return math.sqrt(float(((values - values.mean()).abs() ** 2).mean()))


class Naive:
    """Sizes of parameters, gradients, updates, losses and activations of each step, by name.

    Args:
        named: parameters by the name that they are shown under.
    """

    def __init__(self, named: Mapping[str, torch.Tensor]) -> None:
        self.named = dict(named)
        self.steps: list[dict[str, dict[str, float]]] = []
        self.losses: list[list[float]] = []
        self.norms: list[tuple[float, float | None]] = []
        self._heard: list[float] = []
        self._outputs: dict[str, list[torch.Tensor]] = {}
        self._last: dict[str, torch.Tensor] = {}

    def hear(self, loss: torch.Tensor) -> torch.Tensor:
        """A loss that is about to go into backward."""
        self._heard.append(float(loss.detach().double()))
        return loss

    def keep(self, name: str, output: torch.Tensor) -> torch.Tensor:
        """What a layer put out in training."""
        self._outputs.setdefault(name, []).append(wide(output))
        return output

    @contextmanager
    def step(self, scale: float = 1.0, before_clip: float | None = None) -> Iterator[None]:
        """Around the step of an optimizer that holds these parameters; `scale` is still in the gradients."""
        old = {n: wide(p) for n, p in self.named.items()}
        found: dict[str, dict[str, float]] = {}
        grads = {n: wide(p.grad) / scale for n, p in self.named.items() if p.grad is not None}
        found["param_norm"] = {n: norm(v) for n, v in old.items()}
        found["param_std"] = {n: deviation(v) for n, v in old.items()}
        found["param_grad_norm"] = {n: norm(g) for n, g in grads.items()}
        both = {n: g for n, g in grads.items() if n in self._last and norm(g) * norm(self._last[n]) > 0}
        found["grad_cosine"] = {
            n: float(torch.vdot(g, self._last[n]).real) / norm(g) / norm(self._last[n]) for n, g in both.items()
        }
        for signal, of in (("activation_mean", torch.mean), ("activation_std", deviation)):
            found[signal] = {n: sum(float(of(v)) for v in vs) / len(vs) for n, vs in self._outputs.items()}
        yield
        changes = {n: norm(wide(p) - old[n]) for n, p in self.named.items() if p.numel() == len(old[n])}
        found["update_ratio"] = {n: c / norm(old[n]) for n, c in changes.items() if norm(old[n]) > 0}
        self.steps.append(found)
        self.losses.append(self._heard)
        self.norms.append((math.sqrt(sum(norm(g) ** 2 for g in grads.values())), before_clip))
        self._heard, self._outputs, self._last = [], {}, grads

    def check(self, run: Run, rel: float = 1e-4, looser: Mapping[str, float] | None = None, at: object = None) -> None:
        """Every number of every step is there, and is right.

        Args:
            looser: other tolerances, by signal.
            at: numbers of the steps of this optimizer, where there are others.
        """
        steps = list(range(len(self.steps)) if at is None else at)  # type: ignore[call-overload]
        for signal in ("param_norm", "param_std", "param_grad_norm", "update_ratio", "grad_cosine",
                       "activation_mean", "activation_std"):  # fmt: skip
            tolerance = (looser or {}).get(signal, rel)
            recorded = run.get(signal) or {}
            got = {(n, s): v for n in recorded for s, v in zip(recorded[n].steps, recorded[n].values, strict=True)}
            for step, found in zip(steps, self.steps, strict=True):
                for name, expected in found[signal].items():
                    close = pytest.approx(expected, rel=tolerance, abs=1e-9 if signal in LENGTHS else tolerance)
                    assert got.get((name, step)) == close, (signal, name, step, expected)
        self._check_loop(run, steps, rel)

    def _check_loop(self, run: Run, steps: list[int], rel: float) -> None:
        if any(self.losses):
            found = [(s, v) for one in run.get("loss").values() for s, v in zip(one.steps, one.values, strict=True)]
            expected = [(step, sum(heard) / len(heard)) for step, heard in zip(steps, self.losses, strict=True)]
            mine = sorted((s, v) for s, v in found if s in steps)
            assert [s for s, _ in mine] == [s for s, _ in expected]
            assert [v for _, v in mine] == pytest.approx([v for _, v in expected], rel=rel, abs=1e-7)
        place = dict(zip(steps, self.norms, strict=True))
        for signal, which in (("grad_norm", 0), ("grad_norm_before_clip", 1)):
            for one in (run.get(signal) or {}).values():
                for step, value in zip(one.steps, one.values, strict=True):
                    if step in place:
                        assert value == pytest.approx(place[step][which], rel=rel, abs=1e-7), (signal, step)


# Lengths, which are compared relative to themselves; means and cosines to one.
LENGTHS = ("param_norm", "param_std", "param_grad_norm", "update_ratio", "activation_std")


def tapped(model: nn.Module, naive: Naive, layers: list[str]) -> list[object]:
    """Have the outputs of layers kept in training."""
    parts = dict(model.named_modules())

    def keep(name: str) -> object:
        def after(module: nn.Module, _args: object, output: torch.Tensor) -> None:
            if module.training and torch.is_grad_enabled() and torch._C._current_autograd_node() is None:
                naive.keep(name, output)

        return parts[name].register_forward_hook(after)

    return [keep(name) for name in layers]
