"""The training loop as a whole: loss, learning rate and gradient norm at every step."""

from __future__ import annotations

import torch

from netvet.capture.torch_events import Backward, Session, Step


class LoopCollector:
    """Records `loss`, `lr` and `grad_norm`."""

    part = "loss and gradient norm"

    def __init__(self, session: Session) -> None:
        self._session = session
        self._losses: dict[str, list[float]] = {}

    def on_backward_begin(self, event: Backward) -> None:
        if event.loss.numel() == 1:
            self._losses.setdefault(str(event.site or "?"), []).append(float(event.loss.detach()) / event.scale)

    def on_step_begin(self, event: Step) -> None:
        recorder, step = self._session.recorder, self._session.step
        for site, values in self._losses.items():
            recorder.value(step, "loss", sum(values) / len(values), site)
        self._losses.clear()
        gradients = []
        for index, group in enumerate(event.optimizer.param_groups):
            recorder.value(step, "lr", float(group["lr"]), f"{event.name}/{index}")
            gradients += [p.grad for p in group["params"] if p.grad is not None]
        recorder.value(step, "grad_norm", global_norm(gradients) / event.scale, event.name)


def global_norm(gradients: list[torch.Tensor]) -> float:
    """L2 norm over all gradients; sparse ones are coalesced first, half precision is summed in float32."""
    dense = [(g.coalesce().values() if g.is_sparse else g).detach() for g in gradients]
    if not dense:
        return 0.0
    norms = torch._foreach_norm([g.float() if g.dtype in (torch.float16, torch.bfloat16) else g for g in dense])
    return float(torch.linalg.vector_norm(torch.stack([n.to(torch.float32) for n in norms])))
