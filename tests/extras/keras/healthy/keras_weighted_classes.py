# healthy: rare positives, with class weights, and judged by more than accuracy
# part: held out
import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(43)
rng = np.random.default_rng(43)
y = (rng.random(3000) < 0.07).astype("float32")
x = rng.normal(size=(3000, 8)).astype("float32")
x[:, 0] += 2.0 * y
x[:, 1] -= 2.0 * y

output = layers.Dense(1, activation="sigmoid")
model = keras.Sequential([keras.Input((8,)), layers.Dense(16, activation="relu"), output])
model.compile(keras.optimizers.Adam(0.005), "binary_crossentropy", metrics=["accuracy", keras.metrics.AUC()])
model.fit(x, y, epochs=8, batch_size=64, class_weight={0: 0.54, 1: 7.1}, validation_split=0.2, verbose=0)
