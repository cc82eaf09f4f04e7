"""Edits of programs of Keras 3, by the fixes that they make: `fix -> module of this package`.

Each is a function of the fix's name with dashes as underscores, `Program -> Iterator[Editor]`. Places come from the
signals of the run (`places.py`): where a model was compiled and fitted, where its layers and its optimizer were made.
"""

_OF_MODULES: dict[str, tuple[str, ...]] = {
    "rates": ("lower-lr", "raise-lr"),
    "optimizers": (
        "adam", "sgd", "clip-gradients", "usual-momentum", "default-betas", "constant-lr", "less-weight-decay",
        "more-weight-decay",
    ),
    "losses": ("cross-entropy", "bce-with-logits", "huber", "label-smoothing"),
    "activations": (
        "add-activation", "relu", "leaky-relu", "gelu", "remove-softmax", "remove-sigmoid", "remove-activation",
        "sigmoid",
    ),
    "starts": ("random-init", "default-init", "he-init", "xavier-init", "final-bias"),
    "shapes": (
        "less-dropout", "no-dropout", "more-dropout", "batch-norm", "layer-norm", "wider", "narrower", "unfreeze",
    ),
    "inputs": ("scale-pixels", "standardise", "input-norm", "clean-data"),
    "targets": ("standardise-target", "start-at-zero", "more-outputs"),
    "fitting": (
        "shuffle", "class-weights", "train-longer", "larger-batch", "smaller-batch", "early-stopping", "set-seed",
        "drop-shared",
    ),
}  # fmt: skip
EDITS: dict[str, str] = {name: module for module, names in _OF_MODULES.items() for name in names}
