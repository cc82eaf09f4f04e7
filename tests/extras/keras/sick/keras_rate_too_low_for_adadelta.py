# expect: lr-too-low
# backends: torch tensorflow
import keras
import numpy as np
from keras import layers
from sklearn.datasets import load_digits

keras.utils.set_random_seed(1)
digits = load_digits()
order = np.random.default_rng(1).permutation(len(digits.target))
x, y = (digits.data[order] / 16).astype("float32"), digits.target[order]
model = keras.Sequential(
    [
        keras.Input((64,)),
        layers.Dense(64, activation="relu"),
        layers.Dropout(0.5),
        layers.Dense(10, activation="softmax"),
    ]
)
model.compile(keras.optimizers.Adadelta(0.001), "sparse_categorical_crossentropy", metrics=["accuracy"])  # fault
model.fit(x[:1500], y[:1500], validation_data=(x[1500:], y[1500:]), epochs=8, batch_size=64, verbose=0)
