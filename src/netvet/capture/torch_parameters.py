"""Sizes of parameters, gradients and updates, at the steps that are looked at closely."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch

from netvet.capture.torch_events import Session, Step
from netvet.capture.torch_parameter_rows import MAX_TENSORS, Held, Kind, ParameterRows, readable
from netvet.capture.torch_sampling import LOW, Numbers, without_gradients

SIGNALS = ("param_norm", "param_std", "update_ratio", "param_grad_norm")


def local(tensor: torch.Tensor) -> torch.Tensor | None:
    """The plain values held by this process, without gradient; None where there are none to read.

    Half precision becomes float32.
    """
    values = readable(tensor.detach())
    return values.float() if values is not None and values.dtype in LOW else values


def as_floats(values: Sequence[torch.Tensor]) -> list[float]:
    """Numbers of tensors of one element, with one transfer per device."""
    found = [0.0] * len(values)
    for device in dict.fromkeys(v.device for v in values):
        chosen = [i for i, v in enumerate(values) if v.device == device]
        dtype = torch.float32 if device.type == "mps" else torch.float64
        for i, number in zip(chosen, torch.stack([values[i].to(dtype) for i in chosen]).tolist(), strict=True):
            found[i] = number
    return found


def named_parameters(session: Session, event: Step) -> Iterator[tuple[str, torch.Tensor]]:
    """Name and tensor of what an optimizer holds; tensors in no called model are named after their place in it."""
    names = {id(p): name for name, p, _ in session.models.parameters()}
    held = (p for group in event.optimizer.param_groups for p in group["params"])
    for index, p in zip(range(MAX_TENSORS), held, strict=False):
        yield names.get(id(p), f"{event.name}/{index}"), p


class ParameterCollector:
    """Records `param_norm`, `param_std`, `param_grad_norm` and `update_ratio`, and has gradients compared.

    Norms of weights and gradients are of all elements, the rest of evenly spread ones.
    """

    part = "sizes of parameters and updates"
    sampled = True
    dormant = ("step_begin", "step_end")  # told of only where every step is looked at closely

    def __init__(self, session: Session) -> None:
        self._session = session
        # Of each optimizer: ids of all that it holds, rows by device of what can be read, and what cannot (yet).
        self._rows: dict[str, tuple[list[int], list[ParameterRows], list[torch.Tensor]]] = {}
        # The optimizer whose step goes on, and what was measured before it.
        self._stepping: Any = None
        self._measured: list[ParameterRows] = []

    @without_gradients
    def on_step_begin(self, event: Step) -> None:
        deep, count = self._session.deep, self._session.steps_of.get(event.name, 0)
        self._stepping, self._measured = event.optimizer, []
        ids, known, unread = self._rows.get(event.name, ([], [], []))
        if event.moved or not (deep or any(rows.at == count - 1 for rows in known)):
            return
        held = [p for group in event.optimizer.param_groups for p in group["params"]][:MAX_TENSORS]
        now = [id(p) for p in held]
        if now != ids or not all(rows.hold() for rows in known) or any(readable(p) is not None for p in unread):
            known = _by_device(held)
            self._rows[event.name] = now, known, [p for p in held if readable(p) is None]
        for rows in known:
            rows.begin(count, deep=deep)
            self._measured.append(rows)

    @without_gradients
    def on_step_end(self, event: Step) -> None:
        measured, self._measured = self._measured, []
        if self._stepping is not event.optimizer:
            return
        self._stepping = None
        histograms = self._session.options.get("histograms")
        for rows in measured:
            rows.end()
            if not rows.names or None in rows.names:
                self._name(rows, event)
            vectors, kinds = rows.take()
            layout = event.name, event.scale, rows, kinds
            self._session.options["outbox"].put(self._session.step - 1, vectors, self._deliver, layout)
            if histograms is not None:
                histograms.parameters(self._session.step - 1, rows, event.scale)

    def _name(self, rows: ParameterRows, event: Step) -> None:
        """Names are asked for only now: a closure may have called the model for the first time within the step."""
        known = {id(p): name for name, p, _ in self._session.models.parameters()}
        rows.name([known.get(id(one.parameter)) for one in rows.held], event.name)

    def _deliver(
        self, steps: list[int], layout: tuple[str, float, ParameterRows, list[Kind]], numbers: Numbers
    ) -> None:
        optimizer, scale, rows, kinds = layout
        found = rows.read(kinds, numbers, scale)
        for signal in SIGNALS:
            if signal in found:
                values, known = found[signal]
                self._session.recorder.block(steps, signal, rows.shown, values, known)
        if "dot" in found:
            self._session.options["gradients"].agree(steps, optimizer, found, rows.shown, rows.stands)

    def on_finish(self, _ended: str) -> None:
        self._rows.clear()
        if self._session.first_step_done:
            return
        reason = "no torch optimizer stepped: between which weights a step lies could not be seen"
        for signal in (*SIGNALS, "grad_cosine"):
            self._session.recorder.missing(signal, reason)


def _by_device(held: list[torch.Tensor]) -> list[ParameterRows]:
    """Rows for what can be read, for each device."""
    found: dict[torch.device, list[Held]] = {}
    for index, p in enumerate(held):
        values = readable(p)
        if values is not None:
            found.setdefault(values.device, []).append(Held(index, p))
    return [ParameterRows(some) for some in found.values()]
