"""One watched run: taps in, collectors attached, facts written now and then, everything taken out again."""

from __future__ import annotations

import sys
from collections.abc import Callable
from time import perf_counter
from typing import Any

import torch

from netvet.capture.live import Live, LiveOptions, Stopper
from netvet.capture.pace import Pace
from netvet.capture.recorder import Recorder
from netvet.capture.torch_always_on import AlwaysOn
from netvet.capture.torch_collectors import all_collectors
from netvet.capture.torch_events import Session
from netvet.capture.torch_fastai import Fastai
from netvet.capture.torch_hand_losses import tap_log_probs
from netvet.capture.torch_mock_trainings import MockTrainings
from netvet.capture.torch_models import Models
from netvet.capture.torch_origins import origins_of
from netvet.capture.torch_own_targets import own_targets_of
from netvet.capture.torch_patch import Patches
from netvet.capture.torch_ranks import gather_ranks, tap_ranks
from netvet.capture.torch_read_ahead import LoaderTap
from netvet.capture.torch_sleep import Sleeper
from netvet.capture.torch_stop import TorchStop
from netvet.capture.torch_tap_optimizers import OptimizerTap
from netvet.capture.torch_taps_loop import (
    tap_checkpoints,
    tap_clipping,
    tap_initialisation,
    tap_scaler,
    tap_schedulers,
    tap_seeds,
)
from netvet.capture.torch_taps_model import tap_backward, tap_losses, tap_module_calls
from netvet.core import NetvetError

# Facts are written at these steps and then every so many seconds, so that a killed run still tells its story.
FIRST_REPORTS = (1, 10, 100)
REPORT_SECONDS = 10.0


class Watch:
    """The taps and collectors of one run.

    Args:
        recorder: where the signals go.
        pace: when the collectors are awake.
        probes: run probes on a copy before the first update and at the end.
        every_step: measure parameters and layers at every step, whatever it costs.
        first: this is the first (or only) process of the run.
    """

    def __init__(
        self, recorder: Recorder, pace: Pace, *, probes: bool = True, every_step: bool = False, first: bool = True
    ) -> None:
        self.recorder = recorder
        self.session = Session(recorder, Models(), every_step=every_step)
        self._patches = Patches()
        sleeper = Sleeper(self.session, self._patches, pace, lambda: recorder.cost - recorder.once)
        self.session.sleeper = sleeper
        self.session.always_on = AlwaysOn(self.session, sleeper, pace.budget)
        self.optimizers = OptimizerTap(self.session)
        self.fastai = Fastai(self)
        self._mock_trainings = MockTrainings(self.session)
        self._reported = perf_counter()
        self.session.add(self)
        self.session.add(self.session.always_on)
        self._loaders = LoaderTap(self.session)
        self.session.add(self._loaders)  # before those that it tells
        self.session.add(origins_of(self.session))
        self.session.add(own_targets_of(self.session))
        for collector in all_collectors(self.session, probes=probes, first=first):
            self.session.add(collector)

    part = "reports"
    unseen = (
        "netvet watches PyTorch optimizers and backward calls of this process, not of those that it starts (`torchrun "
        "... -m netvet run` hears all ranks)"
    )

    @property
    def step(self) -> int:
        """Completed optimizer steps."""
        return self.session.step

    @property
    def ended(self) -> bool:
        """The program has ended, and netvet looks at the run as a whole."""
        return self.session.ended

    def environment(self) -> dict[str, Any]:
        """Versions and device."""
        return {
            "python": sys.version.split()[0],
            "torch": torch.__version__,
            "device": "cuda" if torch.cuda.is_available() else "cpu",
            "threads": torch.get_num_threads(),
        }

    def stop(self, run: Live, stopper: Stopper) -> TorchStop:
        """What asks between steps whether to end the training."""
        return TorchStop(run, self.session, stopper)

    def install(self) -> None:
        """Put the taps in; must come before the user's program imports anything."""
        session, patches = self.session, self._patches
        session.models.watch_construction(patches)
        origins_of(session).install(patches)
        self.optimizers.install(patches)
        self._loaders.install(patches)
        taps: tuple[Callable[[Session, Patches], None], ...] = (
            tap_module_calls, tap_losses, tap_backward, tap_clipping, tap_scaler,
            tap_schedulers, tap_seeds, tap_checkpoints, tap_initialisation, tap_log_probs,
        )  # fmt: skip
        for tap in taps:
            tap(session, patches)
        tap_ranks(self.recorder, patches, self.finish)
        self.fastai.install()
        self._mock_trainings.install()
        session.emit("start")

    def on_step_end(self, _step: Any) -> None:
        """Let facts be written now and then."""
        now = perf_counter()
        if self.session.step in FIRST_REPORTS or now - self._reported > REPORT_SECONDS:
            self._reported = now
            self.session.emit("report")

    def report(self) -> None:
        """Write all facts that are known by now."""
        self.session.emit("report")

    def finish(self, ended: str) -> None:
        """Let the collectors look a last time, write all facts, and take the taps out."""
        # The taps stay for so long to keep copies that are asked now away from the user's own modules.
        self.recorder.suspended = self.session.ended = True
        if self.session.sleeper is not None:
            self.session.sleeper.close()
        try:
            self.session.emit("finish", ended)
            self.session.emit("report")
            if self.session.step == 0:  # the training may have gone on in ranks that the script started
                self.session.step = self.recorder.guard("ranks", gather_ranks)(self.recorder) or 0
        finally:
            self.remove()

    def remove(self) -> None:
        """Take the taps out; PyTorch is as it was."""
        self._mock_trainings.remove()
        self.fastai.remove()
        self.optimizers.remove()
        origins_of(self.session).close()
        self._patches.undo()


def capture_of(recorder: Recorder, options: LiveOptions, *, first: bool) -> Watch:
    """The capture of a training with PyTorch."""
    pace = Pace(options.overhead, options.every)
    return Watch(recorder, pace, probes=options.probes, every_step=options.deep, first=first)


def watch_of(live: Live) -> Watch:
    """The taps and collectors of a run with PyTorch.

    Raises:
        NetvetError: it is one with something else.
    """
    if not isinstance(live.capture, Watch):
        raise NetvetError(
            "this takes a training loop of PyTorch, which netvet can repeat on a copy; the program has none"
        )
    return live.capture
