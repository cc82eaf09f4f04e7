# expect: unscaled-input
# note: pixels from 0 to 255 as they are
import keras
from keras import layers
from sklearn.datasets import load_digits

keras.utils.set_random_seed(4)
digits = load_digits()
x = (digits.data * 255 / 16).astype("float32")
y = keras.utils.to_categorical(digits.target, 10)

model = keras.Sequential()
model.add(keras.Input((64,)))
model.add(layers.Dense(64, activation="sigmoid"))
model.add(layers.Dense(10, activation="softmax"))
model.compile("sgd", "categorical_crossentropy", metrics=["acc"])
model.fit(x[:1500], y[:1500], batch_size=64, epochs=6, verbose=0, validation_data=(x[1500:], y[1500:]))  # fault
