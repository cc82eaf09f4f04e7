# expect: broadcast-loss
# backends: torch tensorflow
import keras
import numpy as np
from keras import layers, ops

keras.utils.set_random_seed(1)
rng = np.random.default_rng(1)
x = rng.normal(size=(1500, 6)).astype("float32")
t = (np.tanh(x[:, 0]) + 0.5 * x[:, 1]).astype("float32")


class Net(keras.Model):
    def __init__(self):
        super().__init__()
        self.hidden = layers.Dense(32, activation="relu")
        self.out = layers.Dense(1)

    def call(self, x):
        return self.out(self.hidden(x))

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return ops.mean(ops.square(y_pred - ops.reshape(y, (-1,))))  # fault


net = Net()
net.compile(keras.optimizers.Adam(3e-3))
net.fit(x, t, epochs=15, batch_size=30, verbose=0)
