"""Short runs made on purpose. The table of all experiments, in the order of the recipe."""

from netvet.experiments.ablation import ablation
from netvet.experiments.adam_safe import adam_safe
from netvet.experiments.batch_size import batch_size
from netvet.experiments.experiment import Experiment
from netvet.experiments.lr_range import lr_range
from netvet.experiments.overfit_batch import overfit_batch
from netvet.experiments.schedule import schedule

EXPERIMENTS: tuple[Experiment, ...] = (
    overfit_batch,
    lr_range,
    adam_safe,
    schedule,
    batch_size,
    ablation,
)
