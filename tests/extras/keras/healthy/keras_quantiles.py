# healthy: losses of one's own that broadcast rightly: three quantiles against one target; a mean of squares per sample
# backends: torch jax tensorflow
import keras
import numpy as np
from keras import layers, ops

keras.utils.set_random_seed(14)
rng = np.random.default_rng(14)
x = rng.normal(size=(2500, 5)).astype("float32")
t = (np.sin(x[:, :1]) + 0.3 * x[:, 1:2] + rng.normal(0, 0.3, (2500, 1)) * (1 + (x[:, 2:3] > 0))).astype("float32")
quantiles = np.array([0.1, 0.5, 0.9], dtype="float32")


def pinball(y_true, y_pred):
    error = y_true - y_pred
    shares = ops.convert_to_tensor(quantiles)
    return ops.mean(ops.maximum(shares * error, (shares - 1) * error), axis=-1)


model = keras.Sequential([keras.Input((5,)), layers.Dense(48, activation="relu"), layers.Dense(48, activation="relu"),
                          layers.Dense(3)])
model.compile(keras.optimizers.Adam(2e-3), loss=pinball)
model.fit(x[:2000], t[:2000], validation_data=(x[2000:], t[2000:]), epochs=8, batch_size=50, verbose=2)


def squares(y_true, y_pred):
    return ops.mean(ops.square(y_true - y_pred), axis=-1)


point = keras.Sequential([keras.Input((5,)), layers.Dense(48, activation="relu"), layers.Dense(1)])
point.compile(keras.optimizers.Adam(5e-3), loss=squares)
point.fit(x[:2000], t[:2000], validation_data=(x[2000:], t[2000:]), epochs=8, batch_size=50, verbose=2)
