# Trains in all ways that Keras has, and writes down what became of it: the same with netvet and without.
import json
import os
import random

import keras
import numpy as np
from keras import layers
from keras_worker import digest

keras.utils.set_random_seed(7)
rng = np.random.default_rng(7)
x = rng.normal(size=(330, 6, 6, 1)).astype("float32")
y = (x[:, :3].sum((1, 2, 3)) > 0).astype("int32") + (x[:, 3:].sum((1, 2, 3)) > 0)

model = keras.Sequential(
    [
        keras.Input((6, 6, 1)),
        layers.Conv2D(8, 3),
        layers.BatchNormalization(),
        layers.Activation("relu"),
        layers.Dropout(0.3),
        layers.Flatten(),
        layers.GaussianNoise(0.1),
        layers.Dense(3, activation="softmax", kernel_regularizer="l2"),
    ]
)
rate = keras.optimizers.schedules.ExponentialDecay(0.01, 20, 0.9)
model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
first = model.fit(x, y, epochs=3, batch_size=32, validation_split=0.2, verbose=0, class_weight={0: 1.0, 1: 2.0, 2: 1.0})
second = model.fit(x, y, epochs=1, batch_size=64, shuffle=False, verbose=0)
single = [np.asarray(model.train_on_batch(x[i : i + 16], y[i : i + 16])).tolist() for i in range(0, 64, 16)]
scores = model.evaluate(x, y, verbose=0)

drawn = [random.random(), float(np.random.rand()), float(keras.ops.convert_to_numpy(keras.random.uniform((1,)))[0])]
weights = [keras.ops.convert_to_numpy(v) for v in (*model.variables, *model.optimizer.variables)]
found = {"losses": [first.history, second.history, single, scores], "drawn": drawn, "weights": digest(weights)}
found["wrapped"] = hasattr(model.train_function, "heard_by_netvet")
with open(os.environ["RESULT"], "w") as file:
    json.dump(found, file)
