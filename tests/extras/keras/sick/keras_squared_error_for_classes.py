# expect: mismatched-loss
# part: held out
import keras
from keras import layers
from sklearn.datasets import load_digits

keras.utils.set_random_seed(11)
x, y = load_digits(return_X_y=True)
x = x / 16.0
y = keras.utils.to_categorical(y)

model = keras.Sequential([
    keras.Input((64,)),
    layers.Dense(32, activation="relu"),
    layers.Dense(10, activation="softmax"),
])
model.compile(optimizer="sgd", loss="mse", metrics=["accuracy"])  # fault
model.fit(x, y, epochs=8, batch_size=32, validation_split=0.1, verbose=0)
