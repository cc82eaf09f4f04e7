# expect: logits-as-probabilities
import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(2)
rng = np.random.default_rng(2)
x = rng.integers(1, 41, (900, 10))
y = rng.integers(0, 5, 41)[x]
inputs = keras.Input((10,), dtype="int32")
h = layers.GRU(32, return_sequences=True)(layers.Embedding(41, 32, mask_zero=True)(inputs))
out = layers.TimeDistributed(layers.Dense(5))(h)
model = keras.Model(inputs, out)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])  # fault
model.fit(x[:700], y[:700], validation_data=(x[700:], y[700:]), epochs=4, batch_size=32, verbose=0)
