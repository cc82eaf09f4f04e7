# expect: vanishing-gradient
# part: held out
import keras
from keras import layers
from sklearn.datasets import load_digits

keras.utils.set_random_seed(18)
x, y = load_digits(return_X_y=True)
x = x.astype("float32") / 16.0

model = keras.Sequential([keras.Input((64,))])
for _ in range(6):
    model.add(layers.Dense(32, activation="sigmoid"))
model.add(layers.Dense(10, activation="softmax"))
model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=6, batch_size=32, verbose=0)
