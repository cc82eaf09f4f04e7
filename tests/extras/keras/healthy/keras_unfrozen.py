# healthy: a base learns one task, is frozen under a new head, then unfrozen and compiled again at a lower rate
# backends: torch jax
import keras
import numpy as np
from keras import layers
from sklearn.datasets import load_digits

keras.utils.set_random_seed(7)
d = load_digits()
order = np.random.default_rng(7).permutation(len(d.target))
x, y = (d.images[order][..., None] / 16).astype("float32"), d.target[order]
low = y < 5
base = keras.Sequential([
    keras.Input((8, 8, 1)), layers.Conv2D(24, 3, activation="relu"), layers.Conv2D(32, 3, activation="relu"),
    layers.GlobalAveragePooling2D(), layers.Dense(32, activation="relu"),
])
first = keras.Sequential([base, layers.Dense(5, activation="softmax")])
first.compile(keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
first.fit(x[low], y[low], epochs=15, batch_size=32, validation_split=0.15, verbose=0)

base.trainable = False
model = keras.Sequential([base, layers.Dropout(0.1), layers.Dense(5, activation="softmax")])
model.compile(keras.optimizers.Adam(1e-2), "sparse_categorical_crossentropy", metrics=["accuracy"])
new_x, new_y = x[~low], y[~low] - 5
model.fit(new_x, new_y, epochs=10, batch_size=32, validation_split=0.15, verbose=2)
base.trainable = True
model.compile(keras.optimizers.Adam(5e-4), "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(new_x, new_y, epochs=20, batch_size=32, validation_split=0.15, verbose=2)
