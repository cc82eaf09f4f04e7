"""Where values leave the autograd graph: the lines that cut it, and what a loss without history was made from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from netvet.capture.site import Site
from netvet.capture.torch_events import Session
from netvet.capture.torch_order import models_behind, place
from netvet.capture.torch_tensors import tensors_in

MAX_CUTS, MAX_LOOSE = 50, 20_000


class Cuts:
    """Records `cuts`; is told of every operation of the recorded steps."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._records: dict[Site | None, dict[str, Any]] = {}
        # Results without history, outside models, by identity: the lines that made them.
        self._loose: dict[int, Site] = {}

    def note(
        self, op: str, module: str | None, site: Site | None, made: list[torch.Tensor], given: Any, *, inside: bool
    ) -> None:
        """An operation; `inside`: within a model's call."""
        loose = [t for t in made if t.is_floating_point() and (t.is_leaf if t.requires_grad else True)]
        if not inside and len(self._loose) < MAX_LOOSE:
            self._loose.update({id(t): site for t in loose if site is not None})
        if not loose or (op == "__get__" and not inside) or site in self._records or len(self._records) >= MAX_CUTS:
            return
        history = [t for t in tensors_in(given) if t.requires_grad and t.is_floating_point()]
        if history and not any(t.requires_grad for t in made):
            models = models_behind(self._session.models, history)
            self._records[site] = {"op": op, "module": module, "inside": inside, **place(site), "models": models}

    def before(self, loss: torch.Tensor, events: Sequence[Any]) -> Site | None:
        """The line that took from the graph what a loss without history was made from; else the line that made it.

        Args:
            events: the recorded operations and model calls, in order.
        """
        needed = {id(loss)}
        for event in reversed(events):
            if any(id(t) in needed for t in tensors_in(event.output)):
                given = list(tensors_in((event.args, event.kwargs)))
                cut = not any(t.grad_fn for t in tensors_in(event.output)) and any(t.grad_fn for t in given)
                if cut:
                    site: Site | None = event.site
                    return site
                needed.update(id(t) for t in given)
        return self._loose.get(id(loss))

    def report(self) -> None:
        """Write the facts and let go of everything."""
        if self._records:
            self._session.recorder.facts("cuts", list(self._records.values()))
        self._loose.clear()
