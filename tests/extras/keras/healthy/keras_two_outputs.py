# healthy: a functional model with two inputs and two outputs, each with a loss and a weight
import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(34)
rng = np.random.default_rng(34)
a = rng.normal(size=(1000, 6)).astype("float32")
b = rng.normal(size=(1000, 3)).astype("float32")
kind = (a[:, 0] + b[:, 0] > 0).astype("float32")
amount = (a[:, 1] * b[:, 1] + 0.1 * rng.normal(size=1000)).astype("float32")

first, second = keras.Input((6,), name="a"), keras.Input((3,), name="b")
h = layers.Concatenate()([first, second])
h = layers.Dense(48, activation="tanh")(h)
h = layers.Dense(48, activation="relu")(h)
model = keras.Model(
    {"a": first, "b": second},
    {"kind": layers.Dense(1, activation="sigmoid", name="kind")(h), "amount": layers.Dense(1, name="amount")(h)},
)
model.compile(
    optimizer=keras.optimizers.Adam(0.005),
    loss={"kind": "binary_crossentropy", "amount": "mse"},
    loss_weights={"kind": 1.0, "amount": 0.5},
    metrics={"kind": ["accuracy"]},
)
model.fit({"a": a, "b": b}, {"kind": kind, "amount": amount}, epochs=25, batch_size=32, verbose=0)
