"""Short runs made on purpose. The table of all experiments, in the order of the recipe."""

from netvet.experiments.experiment import Experiment
from netvet.experiments.lr_range import lr_range
from netvet.experiments.overfit_batch import overfit_batch

EXPERIMENTS: tuple[Experiment, ...] = (
    overfit_batch,
    lr_range,
)
