"""A small training loop, and a watch whose collectors sleep early."""

import torch
import torch.nn.functional as F
from torch import nn

from netvet.capture.pace import Pace
from netvet.capture.recorder import Recorder, Schedule
from netvet.capture.torch_session import Watch
from netvet.store import Run, RunWriter

EVENTS = ("call_begin", "backward_begin", "step_begin", "step_end", "optimizer_created", "sleep", "wake")


class Listener:
    """Keeps which events came at which step."""

    part = "test"

    def __init__(self, session):
        self.session, self.heard = session, []
        for event in EVENTS:
            setattr(self, f"on_{event}", lambda what, event=event: self.heard.append((session.step, event, what)))

    def steps(self, event):
        return [step for step, name, _ in self.heard if name == event]


class Sleepy:
    """A watched program whose collectors sleep from the tenth step on."""

    def __init__(self, path, budget=0.01, every=None):
        self.writer = RunWriter.create(path, "test")
        self.recorder = Recorder(self.writer, Schedule(budget))
        self.watch = Watch(self.recorder, Pace(budget, every), probes=False)
        self.session = self.watch.session
        self.listener = Listener(self.session)
        self.session.add(self.listener)
        self.watch.install()

    def end(self):
        self.watch.finish("ok")
        self.writer.close()
        assert self.recorder.switched_off == {}
        return Run.open(self.writer.path)


class Loop:
    """A small training loop."""

    def __init__(self, seed=0):
        torch.manual_seed(seed)
        self.model = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 3))
        self.optimizer = torch.optim.AdamW(self.model.parameters(), 1e-2)
        self.x, self.y = torch.randn(64, 6), torch.randint(3, (64,))
        self.losses = []

    def step(self):
        self.optimizer.zero_grad()
        loss = F.cross_entropy(self.model(self.x), self.y)
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.losses.append(loss.item())

    def run(self, steps):
        for _ in range(steps):
            self.step()
        return self

    def until(self, session, asleep=True):
        while session.asleep is not asleep:
            self.step()
        return self
