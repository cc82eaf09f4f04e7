"""Short runs made on purpose. The table of all experiments, in the order of the recipe."""

from netvet.experiments.capacity import capacity
from netvet.experiments.dependencies import dependencies
from netvet.experiments.determinism import determinism
from netvet.experiments.experiment import Experiment
from netvet.experiments.known_data import known_data
from netvet.experiments.one_by_one import one_by_one
from netvet.experiments.overfit_batch import overfit_batch
from netvet.experiments.pretrained import pretrained
from netvet.experiments.simple_twin import simple_twin
from netvet.experiments.whole_evaluation import whole_evaluation

EXPERIMENTS: tuple[Experiment, ...] = (
    determinism,
    dependencies,
    one_by_one,
    whole_evaluation,
    pretrained,
    overfit_batch,
    capacity,
    simple_twin,
    known_data,
)
