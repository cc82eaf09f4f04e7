# healthy: a plain classifier with validation data and early stopping
# backends: torch jax tensorflow
import keras
from keras import layers
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

keras.utils.set_random_seed(31)
x, y = load_digits(return_X_y=True)
x = x.astype("float32") / 16.0
x_train, x_val, y_train, y_val = train_test_split(x, y, random_state=0)

model = keras.Sequential([
    keras.Input((64,)),
    layers.Dense(64, activation="relu"),
    layers.Dropout(0.2),
    layers.Dense(10, activation="softmax"),
])
model.compile(optimizer=keras.optimizers.Adam(0.003), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
stop = keras.callbacks.EarlyStopping(patience=3, restore_best_weights=True)
model.fit(x_train, y_train, epochs=20, batch_size=32, validation_data=(x_val, y_val), callbacks=[stop], verbose=0)
print(model.evaluate(x_val, y_val, verbose=0))
