# healthy: batches come from a data set of the program's own, with augmentation
# part: held out
# backends: torch jax
import keras
import numpy as np
from keras import layers
from sklearn.datasets import load_digits

keras.utils.set_random_seed(44)
digits = load_digits()
x, y = digits.images[..., None].astype("float32") / 16, digits.target


class Shifted(keras.utils.PyDataset):
    def __init__(self, x, y, batch_size=32):
        super().__init__()
        self.x, self.y, self.batch_size = x, y, batch_size
        self.order = np.random.permutation(len(x))

    def __len__(self):
        return len(self.x) // self.batch_size

    def __getitem__(self, index):
        rows = self.order[index * self.batch_size : (index + 1) * self.batch_size]
        return np.roll(self.x[rows], np.random.randint(-1, 2), axis=2), self.y[rows]

    def on_epoch_end(self):
        self.order = np.random.permutation(len(self.x))


model = keras.Sequential([
    keras.Input((8, 8, 1)),
    layers.Conv2D(16, 3, activation="relu"),
    layers.Conv2D(32, 3, activation="relu"),
    layers.Flatten(),
    layers.Dense(10),
])
model.compile(
    optimizer=keras.optimizers.AdamW(0.003),
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"],
)
model.fit(Shifted(x[:1500], y[:1500]), epochs=8, validation_data=(x[1500:], y[1500:]), verbose=0)
