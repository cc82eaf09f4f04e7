# healthy: an autoencoder whose target is its input
# part: held out
import keras
from keras import layers
from sklearn.datasets import load_digits

keras.utils.set_random_seed(42)
x = load_digits().data.astype("float32") / 16

encoder = keras.Sequential([keras.Input((64,)), layers.Dense(32, activation="relu"), layers.Dense(8)])
pixels = layers.Dense(64, activation="sigmoid")
decoder = keras.Sequential([keras.Input((8,)), layers.Dense(32, activation="relu"), pixels])
image = keras.Input((64,))
model = keras.Model(image, decoder(encoder(image)))
model.compile("adam", "binary_crossentropy")
model.fit(x[:1500], x[:1500], epochs=15, batch_size=32, validation_data=(x[1500:], x[1500:]), verbose=0)
