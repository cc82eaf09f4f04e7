# healthy: a loss in compute_loss: pairs of the same digit come close, others go apart
# backends: torch tensorflow
import keras
import numpy as np
from keras import layers, ops
from sklearn.datasets import load_digits

keras.utils.set_random_seed(10)
d = load_digits()
order = np.random.default_rng(10).permutation(len(d.target))
x, y = (d.data[order] / 16).astype("float32"), d.target[order]


class Embedder(keras.Model):
    def __init__(self):
        super().__init__()
        self.hidden = layers.Dense(64, activation="relu")
        self.out = layers.Dense(16)

    def call(self, x):
        z = self.out(self.hidden(x))
        return z / ops.sqrt(ops.sum(z * z, axis=-1, keepdims=True) + 1e-6)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        y = ops.reshape(y, (-1,))
        same = ops.cast(ops.equal(y[:, None], y[None, :]), "float32")
        other = 1.0 - ops.eye(ops.shape(y)[0])
        scores = ops.matmul(y_pred, ops.transpose(y_pred)) / 0.2 - 1e4 * (1.0 - other)
        logs = scores - ops.logsumexp(scores, axis=1, keepdims=True)
        positive = same * other
        return -ops.mean(ops.sum(positive * logs, axis=1) / (ops.sum(positive, axis=1) + 1e-6))


model = Embedder()
model.compile(keras.optimizers.Adam(2e-3))
model.fit(x[:1400], y[:1400], epochs=12, batch_size=100, verbose=2)
