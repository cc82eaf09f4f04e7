# expect: split-overlap
# part: held out
import keras
import numpy as np
from keras import layers
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

keras.utils.set_random_seed(20)
x, y = load_breast_cancer(return_X_y=True)
x = StandardScaler().fit_transform(x)
rare = np.flatnonzero(y == 0)
more = np.random.default_rng(0).choice(rare, 400)
x, y = np.concatenate([x, x[more]]), np.concatenate([y, y[more]])
x_train, x_val, y_train, y_val = train_test_split(x, y, test_size=0.25, random_state=0)

model = keras.Sequential([
    keras.Input((30,)),
    layers.Dense(16, activation="relu"),
    layers.Dense(1, activation="sigmoid"),
])
model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
model.fit(x_train, y_train, epochs=6, batch_size=16, validation_data=(x_val, y_val), verbose=0)  # fault
