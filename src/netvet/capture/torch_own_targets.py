"""Which losses compare with something that the model made itself (a code book's entry, a copy cut off the graph).

Such a target is no data: it moves with the weights, and nothing about it is right or wrong. Everything that judges
targets, or the loss as a measure of how good the model is, asks here.
"""

from __future__ import annotations

from typing import Any

import torch

from netvet.capture.site import Site
from netvet.capture.torch_events import Call, LossCall, Session
from netvet.capture.torch_models import WeakIdMap
from netvet.capture.torch_tensors import tensors_in

MAX_SITES = 200
# Of other arguments than the first these take the shape, the type or the place only.
_BY_FORM = ("to", "type_as", "expand_as", "view_as", "reshape_as")


class OwnTargets:
    """Follows what was computed from parameters through the operations of the first steps."""

    part = "targets of the model's own"

    def __init__(self) -> None:
        self._computed: WeakIdMap[bool] = WeakIdMap()
        self._sites: dict[tuple[Site | None, str], bool] = {}
        self._foreign = self._ended = False

    def on_call_begin(self, event: Call) -> None:
        self._foreign = event.phase != "train"  # a teacher: what it says is a target like another

    def on_call_end(self, event: Call) -> None:
        self._foreign = False

    on_call_failed = on_call_end

    def end(self) -> None:
        """No more operations will be noted: what a line was seen to do holds from now on."""
        self._computed, self._ended = WeakIdMap(), True

    def note(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], made: list[torch.Tensor]) -> None:
        """Take in one operation."""
        if self._foreign or not made or name.endswith("_like") or name.startswith("new_"):
            return
        given = args[:1] if name in _BY_FORM else (*args, *kwargs.values())
        if any(isinstance(t, torch.nn.Parameter) or self._computed.get(t) for t in tensors_in(given)):
            for tensor in made:
                self._computed.set(tensor, True)

    def has(self, target: Any) -> bool:
        """Whether this very tensor was computed from parameters."""
        return self._computed.get(target) is True

    def of(self, event: LossCall) -> bool:
        """Whether the target of a loss call is the model's own; later calls are like the first ones of their line."""
        key, own = (event.site, event.function), self.has(event.target)
        if not self._ended and event.output.requires_grad and len(self._sites) < MAX_SITES:
            # A line in a function that is called with data as well is no line of such a loss.
            self._sites[key] = own and self._sites.get(key, True)
        return own or self._sites.get(key, False)


def own_targets_of(session: Session) -> OwnTargets:
    """That of one run."""
    found: OwnTargets = session.options.setdefault("own_targets", OwnTargets())
    return found
