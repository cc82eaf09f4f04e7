# expect: non-finite-input
# part: held out
# exits: 1
import keras
import numpy as np
from keras import layers
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import StandardScaler

keras.utils.set_random_seed(19)
x, y = load_breast_cancer(return_X_y=True)
x = StandardScaler().fit_transform(x)
x[np.random.default_rng(0).random(x.shape) < 0.002] = np.nan

model = keras.Sequential([
    keras.Input((30,)),
    layers.Dense(16, activation="relu"),
    layers.Dense(1, activation="sigmoid"),
])
model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=5, batch_size=16, validation_split=0.2, verbose=0)  # fault
