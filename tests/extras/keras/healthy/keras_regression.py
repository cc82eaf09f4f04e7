# healthy: regression with standardised inputs and targets
import keras
from keras import layers
from sklearn.datasets import make_friedman1
from sklearn.preprocessing import StandardScaler

keras.utils.set_random_seed(33)
x, y = make_friedman1(1000, noise=0.5, random_state=0)
x = StandardScaler().fit_transform(x)
y = StandardScaler().fit_transform(y[:, None])[:, 0]

model = keras.Sequential([
    keras.Input((10,)),
    layers.Dense(32, activation="relu"),
    layers.Dense(32, activation="relu"),
    layers.Dense(1),
])
model.compile(optimizer=keras.optimizers.Adam(0.005), loss="mse", metrics=["mae"])
model.fit(x, y, epochs=25, batch_size=32, validation_split=0.2, verbose=0)
