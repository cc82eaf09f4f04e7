"""The explicit list of collectors, in the order in which they hear of events."""

from __future__ import annotations

from typing import Any

from netvet.capture.torch_ablation import AblationCollector
from netvet.capture.torch_activations import ActivationCollector
from netvet.capture.torch_attention import AttentionCollector
from netvet.capture.torch_baselines import BaselineCollector
from netvet.capture.torch_batches import BatchTracker
from netvet.capture.torch_black_box import BlackBox
from netvet.capture.torch_calls import CallCollector
from netvet.capture.torch_coverage import CoverageCollector
from netvet.capture.torch_datasets import DatasetCollector
from netvet.capture.torch_evaluations import EvaluationCollector
from netvet.capture.torch_events import Session
from netvet.capture.torch_filter_pictures import FilterPictureCollector
from netvet.capture.torch_filters import FilterCollector
from netvet.capture.torch_fixed_batch import FixedBatchCollector
from netvet.capture.torch_gradients import GradientCollector, NonFiniteCollector
from netvet.capture.torch_hand_losses import HandLossCollector
from netvet.capture.torch_held_out import HeldOutCollector
from netvet.capture.torch_histograms import HistogramCollector
from netvet.capture.torch_inputs import InputCollector
from netvet.capture.torch_loop import LoopCollector
from netvet.capture.torch_losses import LossCollector
from netvet.capture.torch_mean_images import MeanImageCollector
from netvet.capture.torch_memory import MemoryCollector
from netvet.capture.torch_metrics import MetricCollector, MetricWindow
from netvet.capture.torch_modules import ModuleCollector
from netvet.capture.torch_non_finite import NonFiniteOriginCollector
from netvet.capture.torch_order import BackwardCollector, ClearingCollector, ClipCollector, OrderCollector
from netvet.capture.torch_outbox import Outbox
from netvet.capture.torch_pace import PaceCollector
from netvet.capture.torch_parameters import ParameterCollector
from netvet.capture.torch_precision import PrecisionCollector, ReplicaCollector
from netvet.capture.torch_probe_table import PROBES
from netvet.capture.torch_probes import Prober
from netvet.capture.torch_reservoir import Reservoir
from netvet.capture.torch_samples import SampleCollector
from netvet.capture.torch_settings import (
    CheckpointCollector,
    OptimizerCollector,
    ScalerCollector,
    SchedulerCollector,
    SeedCollector,
)
from netvet.capture.torch_shards import ShardCollector
from netvet.capture.torch_targets import TargetCollector
from netvet.capture.torch_trial import TrialCollector
from netvet.capture.torch_twins import TwinCollector

COLLECTORS: tuple[type[Any], ...] = (
    PaceCollector,  # before all others: its times are of the moment at which an event comes
    MetricWindow,  # first: its mode must not see what the others compute
    BatchTracker,  # early: the others ask it for the present batch
    LoopCollector,
    OrderCollector,
    ClearingCollector,
    BackwardCollector,
    ClipCollector,
    OptimizerCollector,
    SchedulerCollector,
    ScalerCollector,
    SeedCollector,
    CheckpointCollector,
    CallCollector,
    CoverageCollector,
    MemoryCollector,
    HandLossCollector,  # before those that it tells
    LossCollector,
    TargetCollector,
    InputCollector,
    EvaluationCollector,
    MetricCollector,
    SampleCollector,
    DatasetCollector,
    Reservoir,
    BaselineCollector,
    MeanImageCollector,
    HeldOutCollector,  # before the one that gives up the copy of the trained model
    AblationCollector,
    ParameterCollector,
    ShardCollector,
    GradientCollector,
    NonFiniteCollector,
    NonFiniteOriginCollector,
    ModuleCollector,
    ActivationCollector,
    AttentionCollector,
    PrecisionCollector,
    ReplicaCollector,
    TwinCollector,
    FixedBatchCollector,
    FilterCollector,
    FilterPictureCollector,
    HistogramCollector,
    TrialCollector,
    BlackBox,
    Outbox,  # last: it sends what the others have measured
)


# What they tell is the same on all ranks of a distributed run, and takes seconds.
ON_FIRST_RANK = (
    BaselineCollector,
    MeanImageCollector,
    HeldOutCollector,
    AblationCollector,
    FixedBatchCollector,
    FilterCollector,
    FilterPictureCollector,
    HistogramCollector,
    TrialCollector,
)


def all_collectors(session: Session, *, probes: bool, first: bool = True) -> list[Any]:
    """Fresh collectors for one run; those that probe copies only if asked for, and only on the first rank."""
    wanted = [one for one in COLLECTORS if first or one not in ON_FIRST_RANK]
    chosen: list[Any] = [collector(session) for collector in wanted]
    probes = probes and first
    if probes:
        prober = Prober(session, PROBES)
        chosen += [prober, prober.steps]
    return chosen
