# healthy: ids of words, an embedding, convolution over time
# part: held out
import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(41)
rng = np.random.default_rng(41)
x = rng.integers(1, 200, size=(1200, 20))
y = (np.isin(x, np.arange(1, 12)).sum(1) > 1).astype("int32")

model = keras.Sequential([
    keras.Input((20,), dtype="int32"),
    layers.Embedding(200, 16),
    layers.Conv1D(32, 3, activation="relu"),
    layers.GlobalMaxPooling1D(),
    layers.Dense(1, activation="sigmoid"),
])
model.compile(keras.optimizers.Adam(0.005), "binary_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=8, batch_size=32, validation_split=0.2, verbose=0)
