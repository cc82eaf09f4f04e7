# expect: logits-as-probabilities
# note: the output layer is linear, the loss takes probabilities
import keras
from keras import layers
from keras.utils import to_categorical
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

keras.utils.set_random_seed(3)
x, y = load_wine(return_X_y=True)
x = StandardScaler().fit_transform(x)
x_train, x_test, y_train, y_test = train_test_split(x, to_categorical(y), random_state=0)

inputs = keras.Input((13,))
h = layers.Dense(32, activation="relu")(inputs)
outputs = layers.Dense(3)(h)  # fault
model = keras.Model(inputs, outputs)
model.compile(optimizer="rmsprop", loss="categorical_crossentropy", metrics=["accuracy"])
model.fit(x_train, y_train, epochs=20, batch_size=8, verbose=0, validation_data=(x_test, y_test))
