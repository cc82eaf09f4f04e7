# expect: symmetric-init
import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(2)
rng = np.random.default_rng(2)
topics = rng.dirichlet(np.full(300, 0.05), size=10)
labels = rng.integers(0, 10, 1500)
x = np.stack([rng.multinomial(40, 0.6 * topics[k] + 0.4 / 300) > 0 for k in labels]).astype("float32")
model = keras.Sequential(
    [
        keras.Input((300,)),
        layers.Dense(256, activation="relu", kernel_initializer="ones"),  # fault
        layers.Dropout(0.5),
        layers.Dense(10, activation="softmax"),
    ]
)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x, labels, epochs=4, batch_size=32, validation_split=0.1, verbose=0)
