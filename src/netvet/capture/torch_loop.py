"""The training loop as a whole: loss, learning rate and gradient norm at every step."""

from __future__ import annotations

from netvet.capture.torch_clips import Clips
from netvet.capture.torch_events import Backward, Clip, Happening, Session, Step
from netvet.capture.torch_norms import global_norm

# A script whose optimizer is its own (or that never steps) is clocked by its backward calls after so many.
BACKWARDS_WITHOUT_STEP = 64


class LoopCollector:
    """Records `loss`, `lr`, `grad_norm`, `grad_norm_before_clip` and `loss_scale`."""

    part = "loss and gradient norm"

    def __init__(self, session: Session) -> None:
        self._session = session
        self._losses: dict[str, list[float]] = {}
        self._waiting: list[tuple[str, float]] = []
        self._clips = Clips(session)
        self._fresh = False
        self._own_clock = False
        # Places of losses, and how many of each went into one step.
        self._usual: dict[str, int] = {}
        session.options["loop"] = self

    @property
    def only_place(self) -> str | None:
        """The place of the one loss of every step; None where there are others, or several in a step."""
        return next(iter(self._usual)) if list(self._usual.values()) == [1] else None

    def on_backward_begin(self, event: Backward) -> None:
        self._fresh = True
        if event.loss is None or event.loss.numel() != 1 or self._session.settled:
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

    def on_wake(self, _: None) -> None:
        """What was heard in sleep of a step that has not ended belongs to it."""
        for site, value in self._session.always_on.take_open():
            self._losses.setdefault(site, []).append(value)

    def on_clip(self, event: Clip) -> None:
        if event.norm is not None and not self._session.settled:
            self._clips.add(event, fresh=self._fresh)
            self._fresh = False

    def on_step_begin(self, event: Step) -> None:
        recorder, step = self._session.recorder, self._session.step
        self._flush(event.name)
        for index, group in enumerate(event.optimizer.param_groups):
            if "lr" in group:
                recorder.value(step, "lr", float(group["lr"]), f"{event.name}/{index}")
        held = [p for group in event.optimizer.param_groups for p in group["params"] if p.grad is not None]
        norm = global_norm([p.grad for p in held if p.grad is not None]) / event.scale
        before = self._clips.take(held, event.scale)
        if before is not None:
            recorder.value(step, "grad_norm_before_clip", before, event.name)
        self._session.options["grad_norm"] = (
            norm  # of the step that begins: collectors that come later need not ask again
        )
        recorder.value(step, "grad_norm", norm, event.name)

    def _flush(self, optimizer: str) -> None:
        for site, values in self._losses.items():
            self._usual[site] = max(self._usual.get(site, 0), len(values))
            key = loss_key(self._session, site, optimizer)
            self._session.recorder.value(self._session.step, "loss", sum(values) / len(values), key)
        self._losses.clear()
        self._waiting.clear()

    def on_scaler(self, event: Happening) -> None:
        if event.details["kind"] == "unscale" and event.details["optimizer"] is not None:
            self._clips.unscaled(event.details["optimizer"])
        if event.details["kind"] == "update":
            self._clips.updated()
            self._session.recorder.value(
                self._session.step, "loss_scale", float(event.subject.get_scale()), "GradScaler"
            )

    def on_finish(self, _ended: str) -> None:
        session = self._session
        if not session.first_step_done:
            for number, (site, value) in enumerate(self._waiting):
                session.recorder.value(session.step + number, "loss", value, site)


def loss_key(session: Session, site: str, optimizer: str) -> str:
    """Key of a loss: a script that trains one model after another starts a new curve with each new optimizer."""
    first = session.options.setdefault("first_optimizers", {}).setdefault(site, optimizer)
    return site if optimizer == first else f"{site} {optimizer}"
