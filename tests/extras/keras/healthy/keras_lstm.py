# healthy: a recurrent network on sequences
import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(35)
rng = np.random.default_rng(35)
x = rng.normal(size=(800, 12, 3)).astype("float32")
y = (x[:, :, 0].sum(1) > 0).astype("int32")

model = keras.Sequential([
    keras.Input((12, 3)),
    layers.LSTM(24),
    layers.Dense(1, activation="sigmoid"),
])
model.compile(keras.optimizers.Adam(0.01), "binary_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=8, batch_size=32, validation_split=0.2, verbose=0)
