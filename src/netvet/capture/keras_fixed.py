"""The first batch of a Keras training, asked again and again. Records `fixed_batch_loss` and `fixed_batch_flips`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from netvet.capture.keras_backends import Array
from netvet.capture.keras_contract import Contract, entering, predicted_labels
from netvet.capture.keras_forward import Sandbox
from netvet.capture.recorder import Recorder

# Asked at the first steps that are looked at, then each time this much later.
GROWTH, FIRST_STEPS = 1.2, 5


class FixedBatch:
    """One batch of training samples, and what was predicted for it."""

    def __init__(self, recorder: Recorder, array: Callable[[Any], Array]) -> None:
        self._recorder, self._array = recorder, array
        self._paths: list[tuple[str, ...]] = []
        self._batch: Any = None
        self._next = 0.0
        self._predicted: Any = None

    def look(self, sandbox: Sandbox, plan: Any, batch: Any, contract: Contract | None, site: str, paths: Any) -> None:
        """Ask the model as it was before a step, if it is time."""
        if self._batch is None:
            self._batch, self._paths = batch, list(paths)
        if plan.step < self._next or not isinstance(self._batch, (tuple, list)) or len(self._batch) < 2:
            return
        self._next = plan.step + 1 if plan.step < FIRST_STEPS else GROWTH * plan.step
        value = sandbox.loss(plan.trainable, plan.others, self._batch)
        self._recorder.value(plan.step, "fixed_batch_loss", value, site)
        if contract is not None:
            self._flips(sandbox, plan, contract, site)

    def _flips(self, sandbox: Sandbox, plan: Any, contract: Contract, site: str) -> None:
        outputs = sandbox.outputs(plan.trainable, plan.others, self._batch[0])
        pair = entering(contract, self._batch[1], outputs, self._paths)
        said = predicted_labels(contract, pair[0], self._array(pair[1])) if pair is not None else None
        if said is not None and self._predicted is not None and len(said) == len(self._predicted):
            self._recorder.value(plan.step, "fixed_batch_flips", float((said != self._predicted).mean()), site)
        self._predicted = said
