"""Short runs made on purpose. The table of all experiments, in the order of the recipe."""

from netvet.experiments.dependencies import dependencies
from netvet.experiments.determinism import determinism
from netvet.experiments.experiment import Experiment
from netvet.experiments.one_by_one import one_by_one
from netvet.experiments.overfit_batch import overfit_batch

EXPERIMENTS: tuple[Experiment, ...] = (
    determinism,
    dependencies,
    one_by_one,
    overfit_batch,
)
