# expect: wrong-output-activation
# note: two classes, one output, softmax: it is 1 for every sample
import keras
import numpy as np
from keras.layers import Dense
from keras.models import Sequential
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import StandardScaler

keras.utils.set_random_seed(2)
x, y = load_breast_cancer(return_X_y=True)
x = StandardScaler().fit_transform(x).astype("float32")
order = np.random.permutation(len(x))
x, y = x[order], y[order]

model = Sequential()
model.add(keras.Input((30,)))
model.add(Dense(16, activation="relu"))
model.add(Dense(8, activation="relu"))
model.add(Dense(1, activation="softmax"))  # fault
model.compile(loss="binary_crossentropy", optimizer="adam", metrics=["accuracy"])
model.fit(x[:450], y[:450], epochs=8, batch_size=16, validation_data=(x[450:], y[450:]), verbose=0)
print(model.evaluate(x[450:], y[450:], verbose=0))
