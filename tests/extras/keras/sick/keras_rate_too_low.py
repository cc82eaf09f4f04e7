# expect: lr-too-low
# part: held out
# backends: torch jax
import keras
from keras import layers
from sklearn.datasets import load_digits

keras.utils.set_random_seed(13)
x, y = load_digits(return_X_y=True)
x = x.astype("float32") / 16.0

model = keras.Sequential([
    keras.Input((64,)),
    layers.Dense(64, activation="relu"),
    layers.Dense(10, activation="softmax"),
])
optimizer = keras.optimizers.SGD(learning_rate=1e-5)  # fault
model.compile(optimizer=optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=6, batch_size=32, validation_split=0.2, verbose=0)
