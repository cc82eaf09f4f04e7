# expect: unscaled-target
# part: held out
import keras
import numpy as np
from keras import layers
from sklearn.datasets import make_regression
from sklearn.preprocessing import StandardScaler

keras.utils.set_random_seed(12)
x, y = make_regression(800, 8, noise=5, random_state=1)
x = StandardScaler().fit_transform(x)
price = 250_000 + 400 * y

model = keras.Sequential([
    keras.Input((8,)),
    layers.Dense(32, activation="relu"),
    layers.Dense(1),
])
model.compile(optimizer=keras.optimizers.Adam(0.001), loss="mean_squared_error", metrics=["mae"])
model.fit(x[:600], price[:600], epochs=15, batch_size=32, verbose=0, validation_data=(x[600:], price[600:]))
print(np.abs(model.predict(x[600:], verbose=0)[:, 0] - price[600:]).mean())
