# expect: label-out-of-range
# part: held out
# exits: 1
import keras
from keras import layers
from sklearn.datasets import load_iris

keras.utils.set_random_seed(15)
x, y = load_iris(return_X_y=True)
y = y + 1  # as the file has them

model = keras.Sequential([
    keras.Input((4,)),
    layers.Dense(16, activation="relu"),
    layers.Dense(3, activation="softmax"),
])
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=20, batch_size=16, verbose=0)  # fault
