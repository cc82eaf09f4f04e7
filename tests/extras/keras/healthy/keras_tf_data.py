# healthy: tf.data with shuffling, cached, prefetched; several steps in one execution; a cosine schedule
# backends: tensorflow
import keras
import numpy as np
import tensorflow as tf
from keras import layers
from sklearn.datasets import make_classification

keras.utils.set_random_seed(5)
x, y = make_classification(3000, 20, n_informative=8, n_classes=4, class_sep=1.6, random_state=5)
x = ((x - x.mean(0)) / x.std(0)).astype("float32")
train = tf.data.Dataset.from_tensor_slices((x[:2400], y[:2400])).cache().shuffle(2400, seed=1).batch(40).prefetch(2)
val = tf.data.Dataset.from_tensor_slices((x[2400:], y[2400:])).batch(100)
inputs = keras.Input((20,))
h = layers.Dense(64, activation="gelu")(inputs)
h = layers.LayerNormalization()(h)
h = layers.Dense(64, activation="gelu")(h)
model = keras.Model(inputs, layers.Dense(4)(h))
rate = keras.optimizers.schedules.CosineDecay(3e-3, 900)
model.compile(keras.optimizers.AdamW(rate, weight_decay=1e-3),
              keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"], steps_per_execution=5)
model.fit(train, validation_data=val, epochs=8, verbose=2)
