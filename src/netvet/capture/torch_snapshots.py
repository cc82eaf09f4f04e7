"""Weights of the model at a few moments of the training, so that samples can be asked about afterwards."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import nn

from netvet.capture.torch_copies import separate_copy, without_own_hooks
from netvet.capture.torch_events import Session, Step
from netvet.capture.torch_models import unwrapped
from netvet.capture.torch_reservoir import Reservoir, Sink

# Moments are spread evenly: when there are so many, every second is let go of, and they come half as often.
MAX_MOMENTS, FIRST_EVERY = 6, 10
# Of all moments together, in the memory of the host.
MAX_BYTES = 512 * 2**20

State = dict[str, torch.Tensor]


@dataclass
class Snapshots:
    """A copy of the model as it ended, and its weights at earlier moments.

    Attributes:
        model: in evaluation mode; `sink`: how the script calls it, and the loss that its output goes into.
        moments: completed steps -> parameters and buffers by name, the last those of the end.
        reason: why there are none.
    """

    model: nn.Module | None = None
    sink: Sink | None = None
    moments: dict[int, State] = field(default_factory=dict)
    reason: str = "the run was too short"


class SnapshotCollector:
    """Keeps `snapshots`."""

    part = "weights at moments"

    def __init__(self, session: Session) -> None:
        self._session = session
        self.snapshots = Snapshots()
        self._every = FIRST_EVERY
        self._off = False

    def on_step_end(self, _event: Step) -> None:
        if not self._off and self._session.step >= max(self.snapshots.moments, default=0) + self._every:
            self._keep()

    def _keep(self) -> nn.Module | None:
        reservoir: Reservoir = self._session.options["reservoir"]
        module = reservoir.model() if reservoir.model is not None else None
        if module is None:
            return None
        plain, found = unwrapped(module), self.snapshots
        tensors = {**dict(plain.named_parameters()), **dict(plain.named_buffers())}
        size = sum(t.numel() * t.element_size() for t in tensors.values())
        if size * (MAX_MOMENTS + 1) > MAX_BYTES or any(hasattr(t, "to_local") for t in tensors.values()):
            self._off, found.reason = True, "the model is too large to keep its weights at several moments"
            return None
        found.moments[self._session.step] = {name: t.detach().cpu().clone() for name, t in tensors.items()}
        if len(found.moments) > MAX_MOMENTS:
            found.moments = {step: found.moments[step] for step in sorted(found.moments)[1::2]}
            self._every *= 2
        return plain

    def on_finish(self, _ended: str) -> None:
        reservoir: Reservoir = self._session.options["reservoir"]
        found, self._off = self.snapshots, True
        found.sink = reservoir.train.sink
        if found.sink is None:
            told = "the script computes something between the model's output and the loss function"
            found.reason = reservoir.train.reason or told
            return
        plain = self._keep()
        if plain is None:
            return
        try:
            found.model = separate_copy(plain).eval()
            without_own_hooks(found.model)
            found.model.cpu()
        except Exception as error:  # a model that holds what cannot be copied
            found.reason = f"the model cannot be copied ({type(error).__name__}: {error})"
