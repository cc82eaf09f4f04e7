# healthy: a subclassed model that computes its own loss, and trains in a loop over batches
import keras
import numpy as np
from keras import layers, ops

keras.utils.set_random_seed(36)


class Net(keras.Model):
    def __init__(self):
        super().__init__()
        self.hidden = layers.Dense(32, activation="gelu")
        self.out = layers.Dense(1)

    def call(self, x, training=False):
        return self.out(self.hidden(x))

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return ops.mean(ops.abs(ops.squeeze(y_pred, -1) - ops.convert_to_tensor(y))) + sum(self.losses)


rng = np.random.default_rng(36)
x = rng.uniform(-2, 2, size=(1024, 1)).astype("float32")
y = np.sin(2 * x[:, 0]).astype("float32")
net = Net()
net.compile(optimizer=keras.optimizers.Adam(0.01))
for _ in range(12):
    order = rng.permutation(len(x))
    for rows in np.array_split(order, 32):
        net.train_on_batch(x[rows], y[rows])
