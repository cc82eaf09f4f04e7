"""Short runs made on purpose. The table of all experiments, in the order of the recipe."""

from netvet.experiments.baselines import baselines
from netvet.experiments.experiment import Experiment
from netvet.experiments.final_bias import final_bias
from netvet.experiments.initial_loss import initial_loss
from netvet.experiments.input_independent import input_independent
from netvet.experiments.overfit_batch import overfit_batch
from netvet.experiments.shuffled_labels import shuffled_labels

EXPERIMENTS: tuple[Experiment, ...] = (
    # skeleton
    initial_loss,
    final_bias,
    input_independent,
    shuffled_labels,
    baselines,
    # overfit
    overfit_batch,
)
