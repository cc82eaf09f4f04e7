"""Fixes that compute what they need of the program's own variables."""

import pytest
import torch

from netvet.fixes.source import NotApplicable
from tests.fixes.code import Code

TABLE = {
    "model": "Net", "position": 0, "phase": "train", "dtype": "float32", "shape": [8, 2], "mean": 50.0, "std": 40.0,
    "min": 0.0, "max": 255.0, "integral": True, "feature_mean": [10.0, 90.0], "feature_std": [2.0, 9.0],
}  # fmt: skip
BY_HAND = """
    import torch
    def main():
        x_train, x_val, y_train, y_val = split(load())
        x_train = torch.tensor(x_train)
        model = Net()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)  # made
        for idx in torch.randperm(len(x_train)).split(8):
            loss = torch.nn.functional.cross_entropy(model(x_train[idx].to(device)), y_train[idx])  # train
        score = model(x_val)  # eval
    """
LOADED = """
    import torch
    def tensors(a, b):
        return TensorDataset(torch.from_numpy(a).float(), torch.from_numpy(b))
    def epoch(model, loader):
        for i, batch in enumerate(loader):
            x, y = batch
            x, y = x.to(device), y.to(device)
            out = model(x)  # both
    x, y = load()
    train_set = tensors(x[:90], y[:90])
    val_set = tensors(x[90:], y[90:])
    model = Net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)  # made
    train = DataLoader(train_set, batch_size=8)  # train
    val = DataLoader(val_set, batch_size=9)  # val
    epoch(model, train)
    epoch(model, val)
    """


def facts(code, calls, **changed):
    optimizer = {"cls": "SGD", **code.at("# made")}
    made = [{"model": "Net", "phase": phase, **code.at(part)} for phase, part in calls]
    return {"inputs": [{**TABLE, **changed}], "calls": made, "optimizers": [optimizer]}


def by_hand(code, **changed):
    return facts(code, [("train", "# train"), ("eval", "# eval")], **changed)


def loaded(code, **changed):
    loaders = [
        {"phase": "train", **code.at("# train", "created_")}, {"phase": "eval", **code.at("# val", "created_")},
    ]  # fmt: skip
    return {**facts(code, [("train", "# both"), ("eval", "# both")], **changed), "loaders": loaders}


def test_statistics_are_those_of_the_training_variable(tmp_path):
    code = Code(tmp_path, BY_HAND)
    assert code.changed("standardise", **by_hand(code)) == ([], [
        "mean, std = x_train.mean(0), x_train.std(0)",
        "std[std < 1e-6 * std.max()] = 1.0  # features that never vary",
        "x_train, x_val = (x_train - mean) / std, (x_val - mean) / std",
    ])  # fmt: skip
    assert "x_train, x_val = x_train - mean, x_val - mean\n" in code.patches("centre", **by_hand(code))[0]
    assert "x_train, x_val = x_train / 255, x_val / 255\n" in code.patches("scale-pixels", **by_hand(code))[0]


def test_lower_pixels_are_divided_by_the_highest_of_training(tmp_path):
    code = Code(tmp_path, BY_HAND)
    text = code.patches("scale-pixels", **by_hand(code, max=16.0))[0]
    assert "highest = x_train.max()\n    x_train, x_val = x_train / highest, x_val / highest\n" in text


def test_names_that_the_program_has_are_not_taken(tmp_path):
    code = Code(tmp_path, BY_HAND.replace("model = Net()", "mean, model = 0, Net()"))
    assert "train_mean, std = x_train.mean(0), " in code.patches("standardise", **by_hand(code))[0]


def test_rows_of_training_are_told_from_the_others(tmp_path):
    code = Code(tmp_path, LOADED)
    text = code.patches("standardise", **loaded(code))[0]
    assert "x, y = load()\nmean, std = x[:90].mean(0), x[:90].std(0)\n" in text
    assert "x = (x - mean) / std\ntrain_set = " in text


def test_channels_of_images_have_statistics_of_their_own(tmp_path):
    code = Code(tmp_path, LOADED)
    text = code.patches("standardise", **loaded(code, shape=[8, 2, 9, 9]))[0]
    assert "x[:90].std((0, 2, 3), keepdims=True)" in text


def test_rows_that_are_drawn_come_from_those_of_training(tmp_path):
    code = Code(
        tmp_path,
        """
        tr, va = order[:90], order[90:]
        x = torch.tensor(data)
        model = Net()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)  # made
        for epoch in range(9):
            batches = torch.from_numpy(rng.permutation(tr)).split(9)
            for b in batches:
                out = model(x[b])  # train
        score = model(x[va])  # eval
        """,
    )
    assert "mean, std = x[tr].mean(0), x[tr].std(0)\n" in code.patches("standardise", **by_hand(code))[0]


def test_rows_that_are_cut_from_what_was_changed_are_not_changed_again(tmp_path):
    code = Code(
        tmp_path,
        """
        x = load()
        tr, va = order[: len(x) // 2], order[90:]
        model = Net()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)  # made
        for a, b in DataLoader(TensorDataset(torch.tensor(x[tr]), u)):
            out = model(a)  # train
        x_val = torch.tensor(x[va])
        score = model(x_val)  # eval
        """,
    )
    assert code.changed("centre", **by_hand(code))[1] == ["mean = x[tr].mean(0)", "x = x - mean"]


def test_data_set_class_and_method_are_gone_through(tmp_path):
    code = Code(
        tmp_path,
        """
        class Rows(Dataset):
            def __init__(self, rows, labels):
                self.rows, self.labels = torch.as_tensor(rows), labels
            def __getitem__(self, i):
                return self.rows[i], self.labels[i]
        class Trainer:
            def fit(self, loader):
                for x, y in loader:
                    out = self.net(x)  # train
        def score(net, loader):
            return [net(x) for x, y in loader]  # eval
        a, b = load(), load()
        net = Net()
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)  # made
        Trainer(net).fit(DataLoader(Rows(a, u), 8))
        score(net, DataLoader(Rows(b, v), 8))
        """,
    )
    assert "a, b = (a - mean) / std, (b - mean) / std\n" in code.patches("standardise", **by_hand(code))[0]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("score = model(x_val)", "best = fit_tree(x_train); score = model(x_val)"),  # used for something else
        ("[idx].to(device)", "[idx].to(device) / 255"),  # another scaling behind
        ("[idx].to(device)", "[idx].float()"),  # perhaps whole numbers, which have no mean
        ("score = model(x_val)", "score = model(x_val[0]) + model(cut(x_train))"),  # a call that cannot be read
    ],
)
def test_numbers_remain_where_a_variable_could_be_wrong(tmp_path, old, new):
    code = Code(tmp_path, BY_HAND.replace(old, new))
    text = code.patches("standardise", **by_hand(code))[0]
    assert "INPUT_MEAN = torch.tensor([10, 90])" in text
    assert "# of the training inputs of one run" in text


def test_inputs_that_are_the_target_are_changed_before_the_model_alone(tmp_path):
    text = BY_HAND.replace("y_train[idx]", "x_train[idx]").replace("cross_entropy", "mse_loss")
    code = Code(tmp_path, text)
    record = {"phase": "train", "function": "mse_loss", "feeds_backward": True, **code.at("# train")}
    made = code.patches("standardise", **by_hand(code), losses=[record])[0]
    assert "mse_loss(model(standardise(x_train[idx].to(device))), x_train[idx])" in made


def test_features_that_are_standardised_stay(tmp_path):
    code = Code(tmp_path, BY_HAND)
    done = {"feature_mean": [0.0, 0.01], "feature_std": [1.0, 0.99], "mean": 0.0, "std": 1.0}
    with pytest.raises(NotApplicable, match="already"):
        code.patches("standardise", **by_hand(code, **done))


TARGET = [{"phase": "train", "kind": "regression", "mean": 152.0, "std": 77.0, "samples": 400}]


def test_mean_and_spread_of_targets_are_computed(tmp_path):
    code = Code(tmp_path, BY_HAND.replace("cross_entropy", "mse_loss"))
    record = {"phase": "train", "function": "mse_loss", "feeds_backward": True, **code.at("# train")}
    text = code.patches("standardise-target", **by_hand(code), losses=[record], targets=TARGET)[0]
    assert "target_mean, target_std = float(y_train.mean()), float(y_train.std())\n" in text
    hook = "model.register_forward_hook(lambda module, inputs, output: output * target_std + target_mean)"
    assert f"    {hook}\n    optimizer = " in text
    assert "model(x_train[idx].to(device)) / target_std, y_train[idx] / target_std)" in text


def test_samples_with_missing_values_are_left_out(tmp_path):
    code = Code(tmp_path, BY_HAND)
    record = {"phase": "train", "function": "cross_entropy", "feeds_backward": True, **code.at("# train")}
    given = by_hand(code, nonfinite=3, samples=100)
    text = code.patches("drop-suspects", **given, losses=[record])[0]
    assert "finite = torch.isfinite(torch.as_tensor(x_train)).flatten(1).all(1)\n" in text
    assert "x_train, y_train = x_train[finite], y_train[finite]\n    model = Net()" in text
    with pytest.raises(NotApplicable, match="too few"):
        code.patches("drop-suspects", **by_hand(code, nonfinite=300, samples=100), losses=[record])


def test_inputs_with_several_targets_are_left_out(tmp_path):
    code = Code(tmp_path, LOADED)
    (text,) = code.patches("drop-suspects", **loaded(code), samples=[{"conflicting": 4}])
    assert "train_set = without_conflicts(train_set)\ntrain = DataLoader(train_set, batch_size=8)" in text
    with pytest.raises(NotApplicable, match="known to be wrong"):
        code.patches("drop-suspects", **loaded(code))


CLASSES = [{"phase": "train", "kind": "classes", "site": "s", "counts": [900, 100]}]


def test_data_set_gets_a_name_before_it_is_used_twice(tmp_path):
    code = Code(
        tmp_path, "import torch\nx, y = load()\nloader = DataLoader(TensorDataset(x, y), shuffle=True)  # train\n"
    )
    made = [{"phase": "train", "dataset": "TensorDataset", "samples": 1000, **code.at("# train", "created_")}]
    given = {"loaders": made, "targets": CLASSES}
    assert code.changed("balanced-sampler", **given)[1] == [
        "train_set = TensorDataset(x, y)", "train_labels = y.flatten().long()",
        "sample_weights = 1.0 / torch.bincount(train_labels)[train_labels]",
        "sampler = torch.utils.data.WeightedRandomSampler(sample_weights, len(train_labels))",
        "loader = DataLoader(train_set, sampler=sampler)  # train",
    ]  # fmt: skip
    assert code.changed("under-sampling", **given)[1] == [
        "train_set = TensorDataset(x, y)", "train_labels = y.flatten().long()",
        "rows_of = [torch.where(train_labels == c)[0] for c in train_labels.unique()]",
        "smallest = min(len(r) for r in rows_of)",
        "rows_of = [r[torch.randperm(len(r))[:smallest]] for r in rows_of]",
        "train_set = torch.utils.data.Subset(train_set, torch.cat(rows_of).tolist())",
        "loader = DataLoader(train_set, shuffle=True)  # train",
    ]  # fmt: skip
    with pytest.raises(NotApplicable, match="too little"):
        code.patches("under-sampling", loaders=made, targets=[{**CLASSES[0], "counts": [995, 5]}])


IMAGES = {"shape": [8, 1, 28, 28], "feature_mean": None, "feature_std": None}


def images(code, calls, **changed):
    record = {"phase": "train", "feeds_backward": True, "target": {"shape": [8]}}
    return {**facts(code, calls, **{**IMAGES, **changed}), "losses": [record], "targets": CLASSES}


def test_training_images_alone_are_shifted(tmp_path):
    code = Code(tmp_path, BY_HAND)
    given = images(code, [("train", "# train"), ("eval", "# eval")])
    (text,) = code.patches("mild-augmentation", **given)
    assert "cross_entropy(model(shifted(x_train[idx].to(device))), y_train[idx])" in text
    assert "score = model(x_val)" in text
    assert "by up to 2 pixels to each side" in text
    with pytest.raises(NotApplicable, match="augmented already"):
        code.patches("mild-augmentation", **given, samples=[{"epoch_fresh": 1.0}])
    with pytest.raises(NotApplicable, match="no images"):
        code.patches("mild-augmentation", **by_hand(code))


def test_each_image_is_moved_by_itself(tmp_path):
    code = Code(tmp_path, BY_HAND)
    given = images(code, [("train", "# train"), ("eval", "# eval")], shape=[8, 3, 8, 8])
    made = [text[text.index("def ") :].partition("\n\n")[0] for text in code.patches("mild-augmentation", **given)]
    assert ["half of them mirrored" in one for one in made] == [False, True]
    known = {"torch": torch}
    for one in made:
        exec(one, known)
    torch.manual_seed(0)
    pixels = torch.zeros(50, 3, 8, 8)
    pixels[:, :, 3, 2] = 1.0
    shifted, augmented = known["shifted"](pixels), known["augmented"](pixels)
    places = shifted[:, 0].flatten(1).argmax(1)
    assert {(p // 8, p % 8) for p in places.tolist()} == {(r, c) for r in (2, 3, 4) for c in (1, 2, 3)}
    assert set((augmented[:, 0].flatten(1).argmax(1) % 8).tolist()) == {1, 2, 3, 4, 5, 6}
    assert shifted.is_contiguous()
    assert augmented.is_contiguous()
    assert torch.equal(shifted.sum((2, 3)), torch.ones(50, 3))


def test_line_of_both_phases_asks_for_the_mode(tmp_path):
    code = Code(tmp_path, LOADED.replace("    for i", "    model.train(loader is train)\n        for i"))
    given = images(code, [("train", "# both"), ("eval", "# both")], shape=[8, 3, 32, 32])
    first, second = code.patches("mild-augmentation", **given)
    assert "out = model(shifted(x) if model.training else x)" in first
    assert "moved.flip(3)" in second
    same = Code(tmp_path, LOADED)
    with pytest.raises(NotApplicable, match="one mode"):
        same.patches("mild-augmentation", **images(same, [("train", "# both"), ("eval", "# both")]))


def test_digits_are_not_mirrored(tmp_path):
    code = Code(tmp_path, BY_HAND.replace("load()", "load_svhn()"))
    given = images(code, [("train", "# train"), ("eval", "# eval")], shape=[8, 3, 32, 32])
    assert len(code.patches("mild-augmentation", **given)) == 1


def test_pretrained_weights_get_the_images_that_they_expect(tmp_path):
    loading = "from torchvision.models import resnet18\n    import torch"
    code = Code(tmp_path, BY_HAND.replace("import torch", loading, 1).replace("Net()", "resnet18(weights='DEFAULT')"))
    given = by_hand(code, shape=[8, 3, 32, 32])
    (text,) = code.patches("pretrained-normalisation", **given)
    assert "return (x / 255 - IMAGENET_MEAN.to(x)) / IMAGENET_STD.to(x)" in text
    assert "score = model(as_pretrained(x_val))" in text
    with pytest.raises(NotApplicable, match="normalised already"):
        code.patches("pretrained-normalisation", **by_hand(code, shape=[8, 3, 32, 32], min=-2.0))
    plain = Code(tmp_path, BY_HAND)
    with pytest.raises(NotApplicable, match="no weights"):
        plain.patches("pretrained-normalisation", **by_hand(plain, shape=[8, 3, 32, 32]))


@pytest.mark.parametrize(
    ("made", "new"),
    [
        ("nn.Sequential(nn.Linear(2, 3), nn.ReLU())", "nn.Sequential(nn.BatchNorm1d(2), nn.Linear(2, 3), nn.ReLU())"),
        ("Net(2, 3)", "nn.Sequential(nn.BatchNorm1d(2), Net(2, 3))"),
    ],
)
def test_batch_norm_is_the_first_layer(tmp_path, made, new):
    text = BY_HAND.replace("import torch\n", "from torch import nn\n    import torch\n", 1).replace("Net()", made)
    code = Code(tmp_path, text.replace("score =", "model.eval(); score ="))
    assert code.changed("input-norm", **by_hand(code))[1] == [f"model = {new}"]
    still = Code(tmp_path, text)
    with pytest.raises(NotApplicable, match="evaluation mode"):
        still.patches("input-norm", **by_hand(still))


def test_batch_norm_shifts_no_layers_that_are_reached_by_number(tmp_path):
    code = Code(tmp_path, BY_HAND.replace("score =", "model.eval(); model.head.weight; score ="))
    with pytest.raises(NotApplicable, match="by themselves"):
        code.patches("input-norm", **by_hand(code))
