# healthy: a generator and a critic in turns by train_on_batch, the critic frozen in the stacked model
import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(2)
rng = np.random.default_rng(2)
angle = rng.uniform(0, 2 * np.pi, 4000)
real = np.stack([np.cos(angle), np.sin(angle)], 1).astype("float32") + rng.normal(0, 0.05, (4000, 2)).astype("float32")


def dense(size, *widths):
    stack = [keras.Input((size,))]
    for width in widths[:-1]:
        stack += [layers.Dense(width), layers.LeakyReLU(negative_slope=0.2)]
    return keras.Sequential([*stack, layers.Dense(widths[-1])])


generator, critic = dense(8, 32, 32, 2), dense(2, 32, 32, 1)
critic.add(layers.Activation("sigmoid"))
critic.compile(keras.optimizers.Adam(1e-3, beta_1=0.5), "binary_crossentropy", metrics=["accuracy"])
frozen = keras.models.clone_model(critic)
frozen.trainable = False
z = keras.Input((8,))
gan = keras.Model(z, frozen(generator(z)))
gan.compile(keras.optimizers.Adam(1e-3, beta_1=0.5), "binary_crossentropy")
half = 32
for step in range(250):
    made = generator.predict_on_batch(rng.normal(size=(half, 8)).astype("float32"))
    batch = np.concatenate([real[rng.integers(0, 4000, half)], np.asarray(made)])
    target = np.concatenate([np.ones((half, 1)), np.zeros((half, 1))]).astype("float32")
    c = critic.train_on_batch(batch, target)
    frozen.set_weights(critic.get_weights())
    g = gan.train_on_batch(rng.normal(size=(64, 8)).astype("float32"), np.ones((64, 1), "float32"))
    if step % 100 == 0:
        print(step, c, g)
