# What trials make of Keras models: the steps of `fit`, layers by their names, pictures with channels first.
import keras
import numpy as np
import torch
from keras import layers

from netvet.capture.torch_remade import clip_gradients
from netvet.experiments.keras_given import problem_of_model
from netvet.experiments.layers import dropout_of
from netvet.experiments.regularisers import hidden_places
from netvet.experiments.trial import Trial, _build, run_trial

rng = np.random.default_rng(3)
x = rng.normal(size=(96, 8, 8, 3)).astype("float32")
y = rng.integers(0, 3, 96)


def made(optimizer, loss="sparse_categorical_crossentropy", rate=0.0):
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Conv2D(6, 3, activation="tanh", kernel_regularizer="l2"),
            layers.BatchNormalization(),
            layers.Dropout(rate),
            layers.Flatten(),
            layers.Dense(8, activation="tanh"),
            layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile(optimizer, loss)
    return model


def problem(model, target=y):
    return problem_of_model(model, (x, target), (x[:32], target[:32]), batch_size=32, pretrained=None, origin="test")


def gap(optimizer):
    """How far the weights of a trial are from those of `fit` after two epochs in order."""
    model = made(optimizer)
    one = problem(model)
    learner = one.learner(0)
    stepper = one.optimizer(learner.model)
    learner.model.train()
    for batch in (*one.train.batches, *one.train.batches):
        stepper.zero_grad()
        loss, _ = learner.step(batch)
        loss.backward()
        if one.clip is not None:
            clip_gradients(list(learner.model.parameters()), *one.clip)
        stepper.step()
    model.fit(x, y, batch_size=32, epochs=2, shuffle=False, verbose=0)
    pairs = zip(model.weights, learner.model.net.weights, strict=True)
    return max(float((a.value - b.value).detach().abs().max()) for a, b in pairs if "seed" not in a.path)


optimizers = keras.optimizers
for own in (
    optimizers.SGD(0.05, momentum=0.9, nesterov=True, clipvalue=0.01),
    optimizers.Adam(0.01),
    optimizers.AdamW(0.01, weight_decay=0.1, global_clipnorm=0.1),
    optimizers.RMSprop(0.003, clipnorm=0.1),
    optimizers.Lion(0.001),
):
    print("gap", type(own).__name__, gap(own) < 1e-5)

keras.utils.set_random_seed(1)
one = problem(made("adam", rate=0.4))
learner = one.learner(0)
print("names", [name for name, _ in learner.model.named_children()])
print("parameters", [name for name, p in learner.model.named_parameters() if p.requires_grad][:2])
print("shape", list(one.train.batches[0]["x"].shape), one.kind, one.lr)
print("dropout", [p for m in learner.model.modules() if (p := dropout_of(m)) is not None])
build = _build(one, Trial(2, 0, {"unregularised": True}))
print("without", [p for m in build.learner.model.modules() if (p := dropout_of(m)) is not None])
print("hidden", [[m.name for m in some] for some in hidden_places(build)])
for changes in ({"dropout-inserted": {"p": 0.3, "channels": True}}, {"narrower": 0.5}, {"channel-dropout": True}):
    print("trial", run_trial(one, Trial(2, 1, changes)).error)
first, other = (next(iter(one.learner(seed).model.parameters())) for seed in (0, 1))
print("apart", not torch.equal(first, other))

spread = problem(made("adam", "categorical_crossentropy"), np.eye(3, dtype="float32")[y])
print("one-hot", spread.kind, list(spread.train.batches[0]["y"].shape))
