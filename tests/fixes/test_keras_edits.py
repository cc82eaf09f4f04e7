"""Edits of programs of Keras: of their source, by what a run has said of them."""

import pytest

from netvet.fixes import all_fixes, edits_of, frameworks_of, load
from netvet.fixes.keras_edits import EDITS
from netvet.fixes.source import NotApplicable
from tests.fixes.code import FILE, Code

SEQUENTIAL = """
    import keras
    from keras import layers
    x, y = load()
    model = keras.Sequential([
        keras.Input((4,)),
        layers.Dense(8, activation="relu"),  # hidden
        layers.Dense(3, activation="softmax"),  # last
    ])
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x[:90], y[:90], epochs=5, validation_data=(x[90:], y[90:]))
    """
FUNCTIONAL = """
    import keras
    x, y = load()
    inputs = keras.Input((4,))
    h = keras.layers.Dense(8)(inputs)  # hidden
    outputs = keras.layers.Dense(1)(h)  # last
    model = keras.Model(inputs, outputs)
    optimizer = keras.optimizers.SGD(0.1)
    model.compile(optimizer, "mse")
    model.fit(x, y)
    """
ADDED = """
    from keras.layers import Dense
    from keras.models import Sequential
    model = Sequential()
    model.add(Dense(8, input_dim=4))  # hidden
    model.add(Dense(1))  # last
    model.compile(loss="mse", optimizer="rmsprop")
    model.fit(x, y)
    """


def program(folder, text, *, optimizer="Adam", function="nll_loss", made=".compile(", outputs=3, **target):
    """The program, and the facts of a run of it: a hidden layer, a last one, one loss, one call of fit."""
    code = Code(folder, text, "keras")
    layers = [
        {"name": name, "model": "M", "cls": "Linear", "is_leaf": True, "called": 1, "order": order,
         "output_shape": [32, size], **code.at(f"# {name}", "created_")}
        for order, (name, size) in enumerate((("hidden", 8), ("last", outputs)))
    ]  # fmt: skip
    fit = code.at(".fit(")
    target = {"phase": "train", "site": "s", **target}
    facts = {
        "optimizers": [{"name": optimizer, "cls": optimizer, **code.at(made), **code.at(".fit(", "step_")}],
        "losses": [{"phase": "train", "function": function, "site": "s", "target": target, **code.at(".compile(")}],
        "targets": [target], "modules": layers, "inputs": [{"phase": "train", "min": 0.0, "max": 255.0, **fit}],
        "loaders": [{"phase": "train", "dataset": "ArrayDataAdapter", "batch_size": 32, "samples": 900, **fit}],
    }  # fmt: skip
    return code, facts


@pytest.fixture
def sequential(tmp_path):
    return program(tmp_path, SEQUENTIAL)


def new_lines(given, fix, **changed):
    code, facts = given
    return code.changed(fix, **(facts | changed))[1]


def test_every_edit_is_one_of_a_fix_and_loads():
    for name in EDITS:
        assert "keras" in frameworks_of(load(name))
        assert edits_of(load(name), "keras").__doc__


def test_a_fix_without_edits_is_not_offered():
    offered = {one.name for one in all_fixes("keras")}
    assert {"lower-lr", "from-logits"} <= offered
    assert "zero-grad" not in offered
    assert "from-logits" not in {one.name for one in all_fixes("torch")}


def test_an_optimizer_that_is_named_is_made_with_the_rate(sequential):
    (line,) = new_lines(sequential, "lower-lr")
    assert "optimizer=keras.optimizers.Adam(learning_rate=0.0001), loss=" in line


def test_a_rate_is_multiplied_where_it_stands(tmp_path):
    given = program(tmp_path, FUNCTIONAL, optimizer="SGD", function="mse_loss", made="SGD(")
    assert new_lines(given, "raise-lr") == ["optimizer = keras.optimizers.SGD(1.0)"]


def test_the_rates_of_a_schedule_are_multiplied(tmp_path):
    text = FUNCTIONAL.replace("SGD(0.1)", "SGD(rates)").replace(
        "optimizer = ", "rates = keras.optimizers.schedules.ExponentialDecay(0.1, 100, 0.9)\n    optimizer = "
    )
    given = program(tmp_path, text, optimizer="SGD", function="mse_loss", made="SGD(")
    assert new_lines(given, "lower-lr") == ["rates = keras.optimizers.schedules.ExponentialDecay(0.01, 100, 0.9)"]


def test_keras_is_called_as_the_file_imports_it(tmp_path):
    given = program(tmp_path, ADDED, optimizer="RMSprop", function="mse_loss", outputs=1)
    assert "import keras" in new_lines(given, "lower-lr")
    text = ADDED.replace("from keras", "from tensorflow.keras").replace(
        "    from tensorflow.keras.layers", "    import tensorflow as tf\n    from tensorflow.keras.layers"
    )
    given = program(tmp_path, text, optimizer="RMSprop", function="mse_loss", outputs=1)
    assert "tf.keras.optimizers.RMSprop(learning_rate=0.0001)" in str(new_lines(given, "lower-lr"))


def test_a_norm_of_gradients_is_an_option_of_the_optimizer(tmp_path):
    given = program(tmp_path, FUNCTIONAL, optimizer="SGD", function="mse_loss", made="SGD(")
    assert new_lines(given, "clip-gradients") == ["optimizer = keras.optimizers.SGD(0.1, global_clipnorm=1.0)"]


def test_another_optimizer_takes_the_place_of_one(tmp_path):
    given = program(tmp_path, FUNCTIONAL, optimizer="SGD", function="mse_loss", made="SGD(")
    assert new_lines(given, "adam") == ["optimizer = keras.optimizers.Adam(learning_rate=1e-3)"]


def test_the_softmax_in_front_of_a_loss_of_logits_goes(tmp_path):
    text = SEQUENTIAL.replace('"sparse_categorical_crossentropy"', "loss").replace(
        "model.compile", "loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)\n    model.compile"
    )
    given = program(tmp_path, text, function="cross_entropy")
    assert new_lines(given, "remove-softmax") == ["layers.Dense(3),  # last"]
    assert new_lines(given, "from-logits") == ["loss = keras.losses.SparseCategoricalCrossentropy()"]


def test_a_softmax_that_its_loss_takes_stays(sequential):
    for fix in ("remove-softmax", "from-logits", "output-activation"):
        with pytest.raises(NotApplicable):
            new_lines(sequential, fix)


def test_raw_outputs_get_the_activation_or_the_loss_that_they_need(tmp_path):
    given = program(tmp_path, SEQUENTIAL.replace(', activation="softmax"', ""))
    assert new_lines(given, "output-activation") == ['layers.Dense(3, activation="softmax"),  # last']
    (line,) = new_lines(given, "from-logits")
    assert "loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True)" in line


def test_a_softmax_over_one_output_becomes_a_sigmoid(tmp_path):
    text = SEQUENTIAL.replace("Dense(3", "Dense(1").replace("sparse_categorical", "binary")
    given = program(tmp_path, text, function="binary_cross_entropy", outputs=1)
    assert new_lines(given, "sigmoid") == ['layers.Dense(1, activation="sigmoid"),  # last']


def test_classes_get_a_cross_entropy_by_the_form_of_their_targets(tmp_path):
    text = SEQUENTIAL.replace('"sparse_categorical_crossentropy"', '"mse"')
    numbers = program(tmp_path, text, function="mse_loss", shape=[32])
    assert 'loss="sparse_categorical_crossentropy"' in str(new_lines(numbers, "cross-entropy"))
    one_hot = program(tmp_path, text, function="mse_loss", shape=[32, 3])
    assert 'loss="categorical_crossentropy"' in str(new_lines(one_hot, "cross-entropy"))


def test_the_output_of_amounts_becomes_linear(tmp_path):
    text = FUNCTIONAL.replace("Dense(1)", 'Dense(1, activation="relu")')
    given = program(tmp_path, text, optimizer="SGD", function="mse_loss", outputs=1)
    assert new_lines(given, "remove-activation") == ["outputs = keras.layers.Dense(1)(h)  # last"]


def test_hidden_layers_get_activations_and_the_last_does_not(tmp_path):
    given = program(tmp_path, FUNCTIONAL, optimizer="SGD", function="mse_loss", outputs=1)
    assert new_lines(given, "add-activation") == ['h = keras.layers.Dense(8, activation="relu")(inputs)  # hidden']


def test_an_activation_is_exchanged_in_hidden_layers(sequential):
    assert new_lines(sequential, "leaky-relu") == ['layers.Dense(8, activation="leaky_relu"),  # hidden']


def test_weights_that_are_all_the_same_are_drawn(tmp_path):
    given = program(tmp_path, SEQUENTIAL.replace("Dense(8,", 'Dense(8, kernel_initializer="zeros",'))
    assert new_lines(given, "random-init") == ['layers.Dense(8, activation="relu"),  # hidden']


def test_pixels_are_scaled_by_a_first_layer_in_every_form_of_a_model(tmp_path):
    given = program(tmp_path, SEQUENTIAL)
    assert new_lines(given, "scale-pixels") == ["layers.Rescaling(1 / 255),"]
    given = program(tmp_path, FUNCTIONAL, optimizer="SGD", function="mse_loss")
    assert new_lines(given, "scale-pixels") == [
        "h = keras.layers.Dense(8)(keras.layers.Rescaling(1 / 255)(inputs))  # hidden"
    ]
    given = program(tmp_path, ADDED, optimizer="RMSprop", function="mse_loss")
    assert new_lines(given, "scale-pixels") == [
        "import keras", "model.add(keras.Input((4,)))", "model.add(keras.layers.Rescaling(1 / 255))",
        "model.add(Dense(8))  # hidden",
    ]  # fmt: skip


def test_inputs_are_standardised_by_a_layer_that_adapts_to_the_training_data(tmp_path):
    code, facts = program(tmp_path, SEQUENTIAL)
    record = facts["inputs"][0] | {"mean": 5.0, "std": 2.0, "feature_mean": [5.0] * 4, "feature_std": [2.0] * 4}
    first, whole = code.patches("standardise", **(facts | {"inputs": [record]}))
    assert "scaling = layers.Normalization()\nscaling.adapt(x[:90])\nmodel = keras.Sequential([" in first
    assert "keras.Input((4,)),\n    scaling,\n" in first
    assert "Normalization(axis=None)" in whole
    compile(first, FILE, "exec")


def test_a_feature_that_hardly_varies_is_not_blown_up(tmp_path):
    code, facts = program(tmp_path, SEQUENTIAL)
    record = facts["inputs"][0] | {"mean": 5.0, "std": 2.0, "feature_mean": [5.0] * 2, "feature_std": [2.0, 0.0]}
    (only,) = code.patches("standardise", **(facts | {"inputs": [record]}))
    assert "Normalization(axis=None)" in only


def test_data_that_come_after_the_model_are_standardised_by_numbers(tmp_path):
    text = SEQUENTIAL.replace("    x, y = load()\n", "").replace("    model.fit", "    x, y = load()\n    model.fit")
    code, facts = program(tmp_path, text)
    record = facts["inputs"][0] | {"mean": 5.0, "std": 2.0, "feature_mean": [5.0, 1.0], "feature_std": [2.0, 3.0]}
    first = code.patches("standardise", **(facts | {"inputs": [record]}))[0]
    assert "layers.Normalization(mean=[5, 1], variance=[4, 9])" in first


def test_targets_are_met_in_their_own_units_by_a_last_layer(tmp_path):
    given = program(tmp_path, FUNCTIONAL, optimizer="SGD", function="mse_loss", made="SGD(", outputs=1)
    assert new_lines(given, "standardise-target") == [
        "target_mean, target_std = float(y.mean()), float(y.std())",
        "outputs = keras.layers.Rescaling(target_std, offset=target_mean)(keras.layers.Dense(1)(h))  # last",
        'model.compile(optimizer, "mse", loss_weights=[1 / target_std ** 2])',
    ]


def test_labels_begin_at_zero_where_they_are_handed_over(tmp_path):
    given = program(tmp_path, SEQUENTIAL, kind="classes", min=1.0, max=3.0, outputs=3)
    given[1]["targets"][0]["outputs"] = 3
    (line,) = new_lines(given, "start-at-zero")
    assert line == "model.fit(x[:90], y[:90] - 1, epochs=5, validation_data=(x[90:], y[90:] - 1))"


def test_fit_is_called_otherwise(sequential):
    assert "epochs=15" in str(new_lines(sequential, "train-longer"))
    assert "batch_size=128" in str(new_lines(sequential, "larger-batch"))
    assert "EarlyStopping(patience=3, restore_best_weights=True)]" in str(new_lines(sequential, "early-stopping"))


def test_rare_classes_weigh_more_in_fit(tmp_path):
    given = program(tmp_path, SEQUENTIAL, counts=[900, 90, 90])
    assert "class_weight={0: 0.4, 1: 4.0, 2: 4.0}" in str(new_lines(given, "class-weights"))


def test_arrays_are_shuffled_again(tmp_path):
    given = program(tmp_path, SEQUENTIAL.replace("epochs=5", "epochs=5, shuffle=False"))
    assert "shuffle" not in str(new_lines(given, "shuffle"))
    with pytest.raises(NotApplicable, match="already"):
        new_lines(program(tmp_path, SEQUENTIAL), "shuffle")


def test_samples_of_the_validation_are_left_out_of_fit(sequential):
    code, facts = sequential
    text = code.patches("drop-shared", **facts)[0]
    assert "model.fit(x[:90][unseen], y[:90][unseen], epochs=5" in text
    assert "np.asarray(x[90:])" in text


def test_dropout_is_set_and_frozen_layers_learn(tmp_path):
    text = SEQUENTIAL.replace("layers.Dense(8, activation=\"relu\")", "layers.Dropout(0.9)").replace(
        "    model.compile", "    model.trainable = False\n    model.compile"
    )  # fmt: skip
    code, facts = program(tmp_path, text)
    facts["modules"][0] |= {"cls": "Dropout", "settings": {"p": 0.9}}
    assert code.changed("less-dropout", **facts)[1] == ["layers.Dropout(0.5),  # hidden"]
    facts["parameters"] = [{"name": "last.weight", "requires_grad": False}]
    assert code.changed("unfreeze", **facts)[1] == ["model.trainable = True"]
    with pytest.raises(NotApplicable):
        code.changed("unfreeze", **(facts | {"parameters": [{"requires_grad": False, "loaded": True}]}))


def test_a_rate_that_is_computed_is_multiplied_where_it_is_given(tmp_path):
    text = FUNCTIONAL.replace("SGD(0.1)", "SGD(learning_rate=float(rate))")
    given = program(tmp_path, text, optimizer="SGD", function="mse_loss", made="SGD(")
    assert new_lines(given, "lower-lr") == ["optimizer = keras.optimizers.SGD(learning_rate=float(rate) * 0.1)"]
