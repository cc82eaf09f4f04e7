# expect: frozen-parameters
# part: held out
import keras
from keras import layers
from sklearn.datasets import load_digits

keras.utils.set_random_seed(16)
digits = load_digits()
x, y = digits.images[..., None].astype("float32") / 16, digits.target

base = keras.Sequential([
    keras.Input((8, 8, 1)),
    layers.Conv2D(16, 3, padding="same", activation="relu"),
    layers.Conv2D(32, 3, padding="same", activation="relu"),
    layers.MaxPooling2D(4),
], name="base")  # fault
base.trainable = False

model = keras.Sequential([base, layers.Flatten(), layers.Dense(10, activation="softmax")])
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=4, batch_size=32, validation_split=0.1, verbose=0)
