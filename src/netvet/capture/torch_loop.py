"""The training loop as a whole: loss, learning rate and gradient norm at every step."""

from __future__ import annotations

import torch

from netvet.capture.torch_events import Backward, Clip, Happening, Session, Step

# A script whose optimizer is its own (or that never steps) is clocked by its backward calls after so many.
BACKWARDS_WITHOUT_STEP = 64
_LOW = (torch.float16, torch.bfloat16)


class LoopCollector:
    """Records `loss`, `lr`, `grad_norm`, `grad_norm_before_clip` and `loss_scale`."""

    part = "loss and gradient norm"

    def __init__(self, session: Session) -> None:
        self._session = session
        self._losses: dict[str, list[float]] = {}
        self._waiting: list[tuple[str, float]] = []
        self._clipped: dict[int, float] = {}
        self._own_clock = False
        self._first_optimizer: dict[str, str] = {}

    def on_backward_begin(self, event: Backward) -> None:
        if event.loss is None or event.loss.numel() != 1:
            return
        site, value = str(event.site or "?"), float(event.loss.detach()) / event.scale
        self._losses.setdefault(site, []).append(value)
        if not self._session.first_step_done:
            self._tick_without_steps(site, value)

    def _tick_without_steps(self, site: str, value: float) -> None:
        session, recorder = self._session, self._session.recorder
        self._waiting.append((site, value))
        if not self._own_clock and len(self._waiting) < BACKWARDS_WITHOUT_STEP:
            return
        self._own_clock = True
        for old_site, old_value in self._waiting:
            recorder.value(session.step, "loss", old_value, old_site)
            session.step += 1
        self._waiting.clear()
        self._losses.clear()
        session.deep = recorder.schedule.deep(session.step)

    def on_clip(self, event: Clip) -> None:
        if event.norm is not None:
            before = float(event.norm)
            self._clipped.update({id(p): before for p in event.parameters})

    def on_step_begin(self, event: Step) -> None:
        recorder, step = self._session.recorder, self._session.step
        self._flush(event.name)
        gradients = []
        for index, group in enumerate(event.optimizer.param_groups):
            recorder.value(step, "lr", float(group["lr"]), f"{event.name}/{index}")
            gradients += [p.grad for p in group["params"] if p.grad is not None]
            before = self._clipped.get(id(group["params"][0])) if group["params"] else None
            if index == 0 and before is not None:
                recorder.value(step, "grad_norm_before_clip", before, event.name)
        norm = global_norm(gradients) / event.scale
        self._session.options["grad_norm"] = (
            norm  # of the step that begins: collectors that come later need not ask again
        )
        recorder.value(step, "grad_norm", norm, event.name)
        self._clipped.clear()

    def _flush(self, optimizer: str) -> None:
        for site, values in self._losses.items():
            # A script that trains one model after another starts a new curve with each new optimizer.
            first = self._first_optimizer.setdefault(site, optimizer)
            key = site if optimizer == first else f"{site} {optimizer}"
            self._session.recorder.value(self._session.step, "loss", sum(values) / len(values), key)
        self._losses.clear()
        self._waiting.clear()

    def on_scaler(self, event: Happening) -> None:
        if event.details["kind"] == "update":
            self._session.recorder.value(
                self._session.step, "loss_scale", float(event.subject.get_scale()), "GradScaler"
            )

    def on_finish(self, _ended: str) -> None:
        session = self._session
        if not session.first_step_done:
            for number, (site, value) in enumerate(self._waiting):
                session.recorder.value(session.step + number, "loss", value, site)


@torch.no_grad()
def global_norm(gradients: list[torch.Tensor]) -> float:
    """L2 norm over all gradients; sparse ones are coalesced first, half precision is summed in float32."""
    dense = [g.coalesce().values() if g.is_sparse else g for g in gradients]
    dense = [g for g in dense if g.numel()]
    if not dense:
        return 0.0
    # The square of a float16 overflows where the number itself does not.
    low = all(g.dtype in _LOW for g in dense)
    norms = list(torch._foreach_norm(dense, 2, torch.float32 if low else None))
    first = norms[0]
    if any(n.device != first.device or n.dtype != first.dtype for n in norms):
        norms = [
            torch.linalg.vector_norm(g, dtype=torch.float64 if g.dtype == torch.float64 else torch.float32)
            for g in dense
        ]
        norms = [n.to(first.device, torch.float64) for n in norms]
    return float(torch.linalg.vector_norm(torch.stack(norms)))
