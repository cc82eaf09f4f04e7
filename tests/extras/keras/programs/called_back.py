# One callback, two trainings: a report for each.
import keras
import numpy as np
from keras import layers

from netvet.adapters.keras import NetvetCallback

keras.utils.set_random_seed(8)
rng = np.random.default_rng(8)
x = rng.normal(size=(512, 4)).astype("float32")
y = rng.integers(0, 3, 512)
x[:, 0] += y

output = layers.Dense(3, activation="softmax")
model = keras.Sequential([keras.Input((4,)), layers.Dense(16, activation="relu"), output])
model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
watch = NetvetCallback(quiet=True)
for _ in range(2):
    model.fit(x, y, epochs=2, batch_size=32, verbose=0, callbacks=[watch])
    print("found", watch.run.closed, watch.run.steps, [v.check for v in watch.run.diagnosis.verdicts])
