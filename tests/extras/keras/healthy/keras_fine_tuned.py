# healthy: trained twice: the first layers are frozen while the last one learns, then all go on at a lower rate
# part: held out
import keras
from keras import layers
from sklearn.datasets import load_digits

keras.utils.set_random_seed(45)
x, y = load_digits(return_X_y=True)
x = x.astype("float32") / 16.0

base = keras.Sequential([keras.Input((64,)), layers.Dense(64, activation="relu")])
first = keras.Sequential([base, layers.Dense(5, activation="softmax")])
first.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
first.fit(x[y < 5], y[y < 5], epochs=8, batch_size=32, verbose=0)

base.trainable = False
model = keras.Sequential([base, layers.Dense(10, activation="softmax")])
model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=6, batch_size=32, validation_split=0.1, verbose=0)
base.trainable = True
model.compile(keras.optimizers.Adam(0.001), "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=6, batch_size=32, validation_split=0.1, verbose=0)
