# expect: unshuffled-data
# part: held out
import keras
import numpy as np
from keras import layers
from sklearn.datasets import load_digits

keras.utils.set_random_seed(21)
x, y = load_digits(return_X_y=True)
x = x.astype("float32") / 16.0
order = np.argsort(y, kind="stable")
x, y = x[order], y[order]

model = keras.Sequential([
    keras.Input((64,)),
    layers.Dense(32, activation="relu"),
    layers.Dense(10, activation="softmax"),
])
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=5, batch_size=32, shuffle=False, verbose=0)  # fault
