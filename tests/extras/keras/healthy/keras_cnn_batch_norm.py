# healthy: convolutions with batch norm, logits, a rate that falls, one-hot labels with smoothing
# backends: torch jax
import keras
from keras import layers
from sklearn.datasets import load_digits

keras.utils.set_random_seed(32)
digits = load_digits()
x = digits.images[..., None].astype("float32") / 16
y = keras.utils.to_categorical(digits.target)

inputs = keras.Input((8, 8, 1))
h = layers.Conv2D(16, 3, padding="same", use_bias=False)(inputs)
h = layers.BatchNormalization()(h)
h = layers.ReLU()(h)
h = layers.MaxPooling2D()(h)
h = layers.Conv2D(32, 3, padding="same", activation="relu")(h)
h = layers.GlobalAveragePooling2D()(h)
outputs = layers.Dense(10)(h)
model = keras.Model(inputs, outputs)
rate = keras.optimizers.schedules.CosineDecay(0.01, 10 * 45)
loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.05)
model.compile(keras.optimizers.Adam(rate), loss, metrics=["accuracy"])
model.fit(x, y, epochs=10, batch_size=32, validation_split=0.2, verbose=0)
