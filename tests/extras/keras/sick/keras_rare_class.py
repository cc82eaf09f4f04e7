# expect: class-imbalance
# part: held out
import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(14)
rng = np.random.default_rng(14)
y = (rng.random(3000) < 0.03).astype("float32")
x = rng.normal(size=(3000, 6)).astype("float32")
x[:, 0] += 1.0 * y

model = keras.Sequential([
    keras.Input((6,)),
    layers.Dense(16, activation="relu"),
    layers.Dense(1, activation="sigmoid"),
])
model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=5, batch_size=64, validation_split=0.2, verbose=0)  # fault
