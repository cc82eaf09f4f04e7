# Steps of a class of the program's own, written for PyTorch; its __init__ takes its own arguments only.
import keras
import torch
from keras import layers
from sklearn.datasets import load_digits

keras.utils.set_random_seed(0)


class Net(keras.Model):
    def __init__(self, width=32):
        super().__init__()
        self.width = width
        self.hidden, self.drop = layers.Dense(width, activation="relu"), layers.Dropout(0.1)
        self.last = layers.Dense(10)

    def call(self, given, training=False):
        return self.last(self.drop(self.hidden(given), training=training))

    def train_step(self, data):
        x, y = data
        self.zero_grad()
        loss = self.compute_loss(x=x, y=y, y_pred=self(x, training=True))
        loss.backward()
        with torch.no_grad():
            self.optimizer.apply([v.value.grad for v in self.trainable_weights], self.trainable_weights)
        return {"loss": loss}


x, y = load_digits(return_X_y=True)
model = Net()
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
model.compile(keras.optimizers.AdamW(0.003, weight_decay=0.01, global_clipnorm=1.0), loss)
model.fit((x / 16).astype("float32"), y, epochs=2, verbose=0)
