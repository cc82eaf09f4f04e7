# expect: oversized-dropout
# part: held out
import keras
from keras import layers
from sklearn.datasets import load_digits

keras.utils.set_random_seed(17)
x, y = load_digits(return_X_y=True)
x = x.astype("float32") / 16.0

model = keras.Sequential([
    keras.Input((64,)),
    layers.Dense(64, activation="relu"),
    layers.Dropout(0.9),  # fault
    layers.Dense(64, activation="relu"),
    layers.Dropout(0.9),
    layers.Dense(10, activation="softmax"),
])
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=8, batch_size=32, verbose=0)
