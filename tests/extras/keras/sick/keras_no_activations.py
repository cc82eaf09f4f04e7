# expect: missing-nonlinearity
import keras
from keras.layers import Dense, Dropout
from sklearn.datasets import make_moons

keras.utils.set_random_seed(7)
x, y = make_moons(1200, noise=0.1, random_state=0)

model = keras.Sequential()
model.add(keras.Input((2,)))
model.add(Dense(32))  # fault
model.add(Dropout(0.1))
model.add(Dense(32))
model.add(Dense(1, activation="sigmoid"))
model.compile(loss="binary_crossentropy", optimizer="adam", metrics=["accuracy"])
model.fit(x[:1000], y[:1000], batch_size=20, epochs=6, verbose=0, validation_data=(x[1000:], y[1000:]))
