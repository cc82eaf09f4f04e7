"""Run the probes: looks at a copy of the model before its first update, within a few seconds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

from netvet.capture.recorder import Recorder
from netvet.capture.torch_copies import copies_at_work
from netvet.capture.torch_deadline import Deadline
from netvet.capture.torch_events import Session
from netvet.capture.torch_graph import describe_broadcasts, describe_graph, describe_unregistered
from netvet.capture.torch_models import Models
from netvet.capture.torch_ops import ModelCall, Recording, StepRecorder
from netvet.capture.torch_replay import NotReplayable, Replay
from netvet.capture.torch_rng import forked_rng

# All probes of one recorded step together; the most telling come first.
PROBE_SECONDS = 8.0
# What a user can give where the script's own step cannot be replayed.
TWO_LINES = "def step(model, batch):\n    return loss of the batch"


@dataclass
class ProbeContext:
    """What a probe works on.

    Attributes:
        replay: the recorded step, on copies.
        recorder: where its facts go (`add` collects records over several recorded steps).
        deadline: after which no further work should start.
        optimizers: the user's own with their names; to be read only.
        options: where collectors of the run are found.
    """

    replay: Replay
    recording: Recording
    models: Models
    recorder: Recorder
    deadline: Deadline
    found: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    optimizers: Sequence[tuple[Any, str]] = ()
    options: dict[str, Any] = field(default_factory=dict)

    def add(self, signal: str, record: dict[str, Any]) -> None:
        """Add one record to a signal and write it."""
        records = self.found.setdefault(signal, [])
        if record.get("model") is not None and any(r.get("model") == record["model"] for r in records):
            return  # another recorded step of the same model
        records.append(record)
        self.recorder.facts(signal, records)

    @property
    def late(self) -> bool:
        """The time for probes is used up."""
        return self.deadline.passed


Probe = Callable[[ProbeContext], None]


class Prober:
    """Turns each recording into a replay and runs the probes on it."""

    part = "probes"

    def __init__(self, session: Session, probes: Sequence[tuple[Mapping[str, str], Probe]]) -> None:
        self._session = session
        self._probes = probes
        self._found: dict[str, list[dict[str, Any]]] = {}
        self._spent = 0.0
        self.steps = StepRecorder(session, session.recorder.guard(self.part, self.probe))

    def probe(self, recording: Recording) -> None:
        """Replay one recorded step and look at it from all sides."""
        began = perf_counter()
        copies = [event.model for event in recording.events if isinstance(event, ModelCall)]
        once = {id(model): model for model in copies}.values()
        deadline = Deadline(PROBE_SECONDS - self._spent, (p for model in once for p in model.parameters()))
        try:
            with copies_at_work(self._session, copies):
                self._probe(recording, began, deadline)
        finally:
            self._spent += deadline.spent
            self._session.recorder.once += perf_counter() - began

    def _probe(self, recording: Recording, began: float, deadline: Deadline) -> None:
        recorder = self._session.recorder
        self._describe(recording)
        try:
            if self.steps.reason:
                raise NotReplayable(self.steps.reason)
            replay = Replay(recording)
        except Exception as error:  # whatever a user's model does when called once more
            told = str(error) if isinstance(error, NotReplayable) else f"{type(error).__name__}: {error}"
            self._not_replayable(recording, told)
            self._unsteady(recording, getattr(error, "replay", None))
            return
        context = ProbeContext(replay, recording, self._session.models, recorder, deadline, self._found)
        context.optimizers = tuple(self._session.options["optimizers"].alive())
        context.options = self._session.options
        self._put(
            "replay",
            {
                "ok": True,
                "backward": recording.backward,
                "relative_error": replay.relative_error,
                "calls": len(replay.calls),
                "seconds": perf_counter() - began,
            },
        )
        for signals, probe in self._probes:
            late = f"the probes' {PROBE_SECONDS:g} s were used up before it"
            reason = late if context.late else self._run(probe, context)
            for signal, nothing in signals.items():
                self._missing(signal, nothing if reason is None else reason)

    def _not_replayable(self, recording: Recording, reason: str) -> None:
        self._put("replay", {"ok": False, "backward": recording.backward, "reason": reason, "two_lines": TWO_LINES})
        told = f"the first training step could not be replayed: {reason}"
        if "setup" in self._session.options:
            self._session.options["setup"].refuse(told)
        for signal in (s for signals, _ in self._probes for s in signals):
            self._missing(signal, told)

    def _unsteady(self, recording: Recording, replay: Replay | None) -> None:
        """A step that cannot be replayed may be one that never gives the same twice."""
        from netvet.capture.torch_unsteady import unsteady_step  # it needs what needs this module

        try:
            record = unsteady_step(replay, recording, self._session.models) if replay is not None else None
        except Exception:  # as before: not replayable
            record = None
        if record is not None:
            self._put("step_repeat", record)

    def _missing(self, signal: str, reason: str) -> None:
        """Say why a signal has not come; without a reason there is nothing to be found, which is an answer."""
        if signal in self._found:
            return
        if reason:
            self._session.recorder.missing(signal, reason)
        else:
            self._session.recorder.facts(signal, [])

    def _describe(self, recording: Recording) -> None:
        """What the recording shows without being repeated."""
        models = self._session.models
        optimizers = [optimizer for optimizer, _ in self._session.options["optimizers"].alive()]
        models.refresh()
        records = {
            "graph": describe_graph(recording, models),
            "unregistered": describe_unregistered(recording, models, optimizers),
            "broadcasts": describe_broadcasts(recording),
        }
        for signal, found in records.items():
            self._found.setdefault(signal, []).extend(found)
            self._session.recorder.facts(signal, self._found[signal])

    def _run(self, probe: Probe, context: ProbeContext) -> str | None:
        try:
            with forked_rng():
                probe(context)
        except Exception as error:
            return f"the probe could not be run: {type(error).__name__}: {error}"
        return None

    def _put(self, signal: str, record: dict[str, Any]) -> None:
        records = self._found.setdefault(signal, [])
        records.append(record)
        self._session.recorder.facts(signal, records)
