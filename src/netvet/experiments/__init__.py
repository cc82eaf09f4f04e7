"""Short runs made on purpose. The table of all experiments, in the order of the recipe."""

from netvet.experiments.augmentation_trial import augmentation_trial
from netvet.experiments.distillation import distillation
from netvet.experiments.dropout_trial import dropout_trial
from netvet.experiments.early_stopping import early_stopping
from netvet.experiments.ensemble import ensemble
from netvet.experiments.experiment import Experiment
from netvet.experiments.learning_curve import learning_curve
from netvet.experiments.leave_it_training import leave_it_training
from netvet.experiments.model_size import model_size
from netvet.experiments.overfit_batch import overfit_batch
from netvet.experiments.smaller_batch import smaller_batch
from netvet.experiments.smaller_input import smaller_input
from netvet.experiments.weight_decay_trial import weight_decay_trial

EXPERIMENTS: tuple[Experiment, ...] = (
    overfit_batch,
    learning_curve,
    dropout_trial,
    weight_decay_trial,
    early_stopping,
    augmentation_trial,
    model_size,
    smaller_batch,
    smaller_input,
    ensemble,
    distillation,
    leave_it_training,
)
