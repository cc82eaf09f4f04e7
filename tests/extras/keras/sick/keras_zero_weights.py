# expect: symmetric-init
# backends: torch jax
import keras
from keras import layers
from sklearn.datasets import load_digits

keras.utils.set_random_seed(6)
x, y = load_digits(return_X_y=True)
x = x.astype("float32") / 16.0

model = keras.Sequential([
    keras.Input((64,)),
    layers.Dense(48, activation="relu", kernel_initializer="zeros"),  # fault
    layers.Dense(24, activation="relu"),
    layers.Dense(10, activation="softmax"),
])
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=5, batch_size=32, verbose=0)
