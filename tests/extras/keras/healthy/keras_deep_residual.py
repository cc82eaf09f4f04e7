# healthy: residual blocks with layer norm, gradients clipped and accumulated
# part: held out
import keras
from keras import layers
from sklearn.datasets import load_digits

keras.utils.set_random_seed(46)
x, y = load_digits(return_X_y=True)
x = x.astype("float32") / 16.0

inputs = keras.Input((64,))
h = layers.Dense(48)(inputs)
for _ in range(3):
    inner = layers.LayerNormalization()(h)
    inner = layers.Dense(48, activation="gelu")(inner)
    h = layers.Add()([h, layers.Dense(48)(inner)])
outputs = layers.Dense(10, activation="softmax")(layers.LayerNormalization()(h))
model = keras.Model(inputs, outputs)
optimizer = keras.optimizers.Adam(0.002, clipnorm=1.0, gradient_accumulation_steps=2)
model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=6, batch_size=16, validation_split=0.2, verbose=0)
