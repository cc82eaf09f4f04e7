"""Short runs made on purpose. The table of all experiments, in the order of the recipe."""

from netvet.experiments.ablation import ablation
from netvet.experiments.activation_trial import activation_trial
from netvet.experiments.adam_safe import adam_safe
from netvet.experiments.augmentation import augmentation
from netvet.experiments.augmentation_trial import augmentation_trial
from netvet.experiments.baselines import baselines
from netvet.experiments.batch_size import batch_size
from netvet.experiments.capacity import capacity
from netvet.experiments.dependencies import dependencies
from netvet.experiments.depth_trial import depth_trial
from netvet.experiments.determinism import determinism
from netvet.experiments.distillation import distillation
from netvet.experiments.dropout_trial import dropout_trial
from netvet.experiments.early_stopping import early_stopping
from netvet.experiments.ensemble import ensemble
from netvet.experiments.experiment import Experiment
from netvet.experiments.final_bias import final_bias
from netvet.experiments.initial_loss import initial_loss
from netvet.experiments.input_independent import input_independent
from netvet.experiments.known_data import known_data
from netvet.experiments.learning_curve import learning_curve
from netvet.experiments.leave_it_training import leave_it_training
from netvet.experiments.lr_range import lr_range
from netvet.experiments.model_size import model_size
from netvet.experiments.momentum_trial import momentum_trial
from netvet.experiments.one_by_one import one_by_one
from netvet.experiments.optimizer_trial import optimizer_trial
from netvet.experiments.overfit_batch import overfit_batch
from netvet.experiments.pretrained import pretrained
from netvet.experiments.schedule import schedule
from netvet.experiments.shuffled_labels import shuffled_labels
from netvet.experiments.simple_twin import simple_twin
from netvet.experiments.smaller_batch import smaller_batch
from netvet.experiments.smaller_input import smaller_input
from netvet.experiments.weight_decay_trial import weight_decay_trial
from netvet.experiments.whole_evaluation import whole_evaluation

EXPERIMENTS: tuple[Experiment, ...] = (
    # skeleton
    initial_loss,
    final_bias,
    determinism,
    dependencies,
    one_by_one,
    pretrained,
    input_independent,
    shuffled_labels,
    baselines,
    whole_evaluation,
    # overfit
    overfit_batch,
    capacity,
    simple_twin,
    known_data,
    activation_trial,
    depth_trial,
    optimizer_trial,
    momentum_trial,
    # regularise
    augmentation,
    learning_curve,
    dropout_trial,
    weight_decay_trial,
    early_stopping,
    augmentation_trial,
    model_size,
    smaller_batch,
    smaller_input,
    # tune
    lr_range,
    adam_safe,
    schedule,
    batch_size,
    ablation,
    # squeeze
    ensemble,
    distillation,
    leave_it_training,
)
