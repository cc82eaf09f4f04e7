# expect: broadcast-loss
# backends: torch jax tensorflow
import keras
import numpy as np
from keras import layers, ops
from sklearn.datasets import load_diabetes

keras.utils.set_random_seed(0)
x, t = load_diabetes(return_X_y=True)
x, t = ((x - x.mean(0)) / x.std(0)).astype("float32"), ((t - t.mean()) / t.std()).astype("float32")


def huber(y_true, y_pred):
    error = ops.abs(ops.squeeze(y_true, -1) - y_pred)  # fault
    return ops.where(error < 1, 0.5 * error**2, error - 0.5)


model = keras.Sequential([keras.Input((10,)), layers.Dense(32, activation="relu"), layers.Dense(1)])
model.compile(keras.optimizers.Adam(3e-3), loss=huber)
model.fit(x[:350], t[:350, None], validation_data=(x[350:], t[350:, None]), batch_size=16, epochs=40, verbose=0)
