"""Tensors that enter a model without a DataLoader: the whole data at once, or pieces that the program cuts itself."""

from __future__ import annotations

import weakref
from dataclasses import dataclass, field

import numpy as np
import torch

from netvet.capture.fingerprints import Prints, epoch_length
from netvet.capture.torch_events import Backward, Call, LossCall, Session
from netvet.capture.torch_fingerprints import fingerprints
from netvet.capture.torch_read_loaders import ReadLoaders
from netvet.capture.torch_tensors import is_plain, named_tensors

# Of each split so many bytes are kept.
MAX_BYTES = 256 * 2**20
MAX_PIECES = 20_000
# Evaluations that are kept: one before the training may be a test of the program on a few samples.
MAX_EVALUATIONS = 2


@dataclass(slots=True, eq=False)
class Piece:
    """One call: tensors that entered, samples first, and what the loss then compared with."""

    inputs: dict[str, torch.Tensor]
    target: torch.Tensor | None = None

    @property
    def size(self) -> int:
        """Samples."""
        return len(next(iter(self.inputs.values())))

    def prints(self, *, aimed: bool = True) -> Prints:
        """Of each sample, with its target if that is asked for."""
        parts = [*self.inputs.values()] + ([self.target] if aimed and self.target is not None else [])
        return fingerprints([t.reshape(self.size, -1) for t in parts])


def _differs(piece: Piece, target: torch.Tensor) -> bool:
    """Whether a piece has another target of the same form (a soft one beside a class has another form)."""
    known = piece.target
    if known is None or (known.shape, known.dtype) != (target.shape, target.dtype):
        return False
    return not torch.equal(known, target.detach().cpu())


@dataclass
class Stretch:
    """Successive calls of one phase.

    Attributes:
        pieces: of the calls; `done`: the samples have begun to come again, or no more are kept.
        drawn: they never came again as a whole: drawn at random, or changed at random; known after `samples`.
    """

    pieces: list[Piece] = field(default_factory=list)
    bytes: int = 0
    done: bool = False
    drawn: bool = False
    checked: int = 1

    def add(self, piece: Piece) -> None:
        """Keep a piece."""
        self.pieces.append(piece)
        self.bytes += sum(t.numel() * t.element_size() for t in piece.inputs.values())
        self.done = self.bytes > MAX_BYTES or len(self.pieces) >= MAX_PIECES

    def look(self) -> None:
        """See now and then whether the samples come again."""
        if not self.done and len(self.pieces) >= 2 * self.checked:
            self.checked = len(self.pieces)
            self.done = epoch_length([p.prints() for p in self.pieces]) is not None

    def samples(self) -> tuple[dict[str, torch.Tensor], torch.Tensor | None] | None:
        """Tensors of one pass over the data, samples first: all of it as it came, or each sample once.

        Which of several equal samples drawn at random were drawn twice cannot be told.
        """
        aimed = [p for p in self.pieces if p.target is not None]
        pieces = aimed or self.pieces
        forms = [{n: tuple(t.shape[1:]) for n, t in p.inputs.items()} for p in pieces]
        pieces = [p for p, form in zip(pieces, forms, strict=True) if form == forms[0]]
        if not pieces:
            return None
        chunks = [p.prints() for p in pieces]
        length = epoch_length(chunks)
        self.drawn = length is None
        # Without a pass that ends, an input that came with two targets may be a state of a game: it counts once.
        prints = np.concatenate([p.prints(aimed=False) for p in pieces])
        first = np.arange(length) if length is not None else np.sort(np.unique(prints, return_index=True)[1])
        rows = torch.from_numpy(first)
        inputs = {n: torch.cat([p.inputs[n] for p in pieces])[rows] for n in forms[0]}
        targets = [p.target for p in pieces if p.target is not None]
        return inputs, torch.cat(targets)[rows] if targets else None


class EnteredCollector:
    """Keeps tensors that entered a model and came from no loader.

    Attributes:
        train: of training calls; `evaluations`: of stretches of calls between them.
    """

    part = "data without a loader"

    def __init__(self, session: Session) -> None:
        self._session = session
        self.train = Stretch()
        self.evaluations: list[Stretch] = []
        self._current: Stretch | None = None
        self._present: tuple[Stretch, Piece] | None = None
        # The piece whose loss was seen last, and the outputs that the loss took.
        self._scored: tuple[Piece, weakref.ref[torch.Tensor]] | None = None
        self._calls = self._losses = 0

    @property
    def told_apart(self) -> bool:
        """Each loss belongs to one call: else a call may be a step in time, and no sample."""
        return self._calls <= 1.1 * self._losses + 1

    def on_call_begin(self, event: Call) -> None:
        loaders: ReadLoaders = self._session.options["read loaders"]
        self._present = self._scored = None
        trains = event.phase in ("train", "eval-mode-grad")
        stretch = self._stretch(trains)
        if loaders.given or event.module is not event.model or stretch is None or stretch.done:
            return
        inputs = {n: t for n, t in named_tensors(event.args, event.kwargs) if is_plain(t) and not t.requires_grad}
        rows = [t for t in inputs.values() if t.dim() > 1 or (t.dim() and not t.is_floating_point())]
        size = len(rows[0]) if rows else 0
        kept = {n: t for n, t in inputs.items() if t.dim() and len(t) == size and not t.is_complex()}
        if not size or not kept:
            return
        self._calls += trains
        self._present = stretch, Piece({n: t.detach().cpu().clone() for n, t in kept.items()})
        if not trains:
            stretch.add(self._present[1])

    def _stretch(self, trains: bool) -> Stretch | None:
        if trains:
            self._current = self.train
        elif self._current is self.train or not self.evaluations:
            self._current = Stretch() if len(self.evaluations) < MAX_EVALUATIONS else None
            self.evaluations += [self._current] if self._current is not None else []
        return self._current

    def on_loss(self, event: LossCall) -> None:
        if event.own_target or not is_plain(event.target) or not event.target.dim():
            return
        if self._scored is not None and self._scored[1]() is event.input and _differs(self._scored[0], event.target):
            self._scored[0].target = None  # mixed samples have two targets, of which neither is theirs
        if self._present is None:
            return
        size, target = self._present[1].size, event.target.detach()
        if target.shape[0] != size and target.numel() % size == 0:
            target = target.reshape(size, -1)  # a sequence for each sample, flattened for the loss
        if len(target) == size:
            self._present[1].target = target.cpu().clone()
        self._scored = self._present[1], weakref.ref(event.input)
        self._end()

    def on_backward_begin(self, _event: Backward) -> None:
        self._end()  # of a loss that is no function of torch.nn.functional the target is not known

    def _end(self) -> None:
        """The loss of the present piece is known."""
        present, self._present = self._present, None
        if present is not None and present[0] is self.train:
            self._losses += 1
            self.train.add(present[1])
            self.train.look()

    def on_sleep(self, _: None) -> None:
        self._present = None
        self.train.done = True

    def on_finish(self, _ended: str) -> None:
        self._present = None
