"""Fixes of what enters a model: scaling, missing values, targets, ids, augmentation."""

import pytest

from netvet.fixes.source import NotApplicable
from tests.fixes.code import Code

LOOP = """
    import torch
    model = Net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)  # made
    for x, y in batches:
        loss = criterion(model(x[0].to(device)), y)  # train
    score = model(x_val)  # eval
    """
TABLE = {
    "model": "Net", "position": 0, "phase": "train", "dtype": "float32", "shape": [8, 2], "mean": 50.0, "std": 40.0,
    "min": 0.0, "max": 255.0, "integral": True, "feature_mean": [10.0, 90.0], "feature_std": [2.0, 0.0],
}  # fmt: skip


def facts(code, **changed):
    calls = [
        {"model": "Net", "phase": "train", **code.at("# train")},
        {"model": "Net", "phase": "eval", **code.at("# eval")},
    ]
    optimizer = {"cls": "SGD", **code.at("# made")}
    return {"inputs": [{**TABLE, **changed}], "calls": calls, "optimizers": [optimizer]}


def test_inputs_are_standardised_at_each_call(tmp_path):
    code = Code(tmp_path, LOOP)
    first, second = code.patches("standardise", **facts(code))
    assert "INPUT_MEAN = torch.tensor([10, 90])\nINPUT_STD = torch.tensor([2, 1])\n" in first
    assert "criterion(model(standardise(x[0].to(device))), y)" in first
    assert "score = model(standardise(x_val))" in first
    assert "    return (x - 50) / 40  # of the training inputs of one run" in second
    assert first.index("import torch") < first.index("INPUT_MEAN")


def test_channels_are_scaled_along_their_axis(tmp_path):
    code = Code(tmp_path, LOOP)
    assert (
        "torch.tensor([10, 90]).view(-1, 1, 1)\n" in code.patches("standardise", **facts(code, shape=[8, 2, 4, 4]))[0]
    )


def test_model_called_elsewhere_gets_a_hook(tmp_path):
    code = Code(tmp_path, LOOP)
    given = {**facts(code), "calls": [{"model": "Net", "phase": "train", "file": None, "line": None}]}
    text = code.patches("centre", **given)[0]
    assert "model.register_forward_pre_hook(centre)\noptimizer" in text
    assert "def centre(module, args):" in text
    assert "return (x - INPUT_MEAN.to(x), *args[1:])" in text


def test_definition_stands_apart(tmp_path):
    code = Code(tmp_path, LOOP.replace("import torch", "import os, torch\n    print(1)\n    import sys"))
    text = code.patches("standardise", **facts(code))[1]
    assert "import sys\n\n\ndef standardise(x):" in text
    assert "for other data\n\n\nmodel = Net()" in text
    assert text.count("torch\n") == 1


def test_ids_are_not_scaled(tmp_path):
    code = Code(tmp_path, LOOP)
    for changed in ({"dtype": "int64"}, {"embedding_rows": 12}):
        with pytest.raises(NotApplicable, match="0 inputs"):
            code.patches("standardise", **facts(code, **changed))


def test_pixels_are_divided_by_their_largest_value(tmp_path):
    code = Code(tmp_path, LOOP)
    assert "return x / 255\n" in code.patches("scale-pixels", **facts(code, max=200.0))[0]
    assert "return x / 16\n" in code.patches("scale-pixels", **facts(code, max=16.0))[0]
    with pytest.raises(NotApplicable, match="whole numbers"):
        code.patches("scale-pixels", **facts(code, integral=False))


def test_missing_values_are_filled_in(tmp_path):
    code = Code(tmp_path, LOOP)
    assert "x.nan_to_num(nan=0.0, posinf=0.0, neginf=0.0)" in code.patches("clean-data", **facts(code, nonfinite=3))[0]


def sides(code, kind):
    return {"inputs": [{"phase": p, **code.at(part, kind)} for p, part in (("train", "# t"), ("eval", "# v"))]}


def test_evaluation_gets_the_transform_of_training(tmp_path):
    code = Code(tmp_path, "a = Digits(x, y, transform=norm, size=3)  # t\nb = Digits(u, v)  # v\n")
    assert code.changed("same-transform", **sides(code, "given_"))[1] == ["b = Digits(u, v, transform=norm)  # v"]


def test_augmentation_is_not_taken_over(tmp_path):
    code = Code(
        tmp_path, "norm = Compose([RandomCrop(4)])\na = Digits(x, y, transform=norm)  # t\nb = Digits(u, v)  # v\n"
    )
    with pytest.raises(NotApplicable, match="random numbers"):
        code.changed("same-transform", **sides(code, "given_"))


def test_line_that_scales_is_said_of_evaluation_too(tmp_path):
    code = Code(tmp_path, "x_val = load(1)  # v\nx_train = (x_train - x_train.mean()) / x_train.std()  # t\n")
    given = sides(code, "data_")
    made = code.patches("same-transform", **given)[0].splitlines()
    assert made[1] == "x_val = (x_val - x_train.mean()) / x_train.std()"


def test_statistics_that_are_gone_are_not_used(tmp_path):
    code = Code(tmp_path, "x_train = (x_train - x_train.mean()) / 2  # t\nx_val = load(1)  # v\n")
    with pytest.raises(NotApplicable, match="cannot be seen"):
        code.changed("same-transform", **sides(code, "data_"))


@pytest.mark.parametrize(
    ("rows", "new"), [("size", "size + 2"), ("num_embeddings=40", "num_embeddings=42"), ("40", "42")]
)
def test_embedding_gets_a_row_for_each_id(tmp_path, rows, new):
    code = Code(
        tmp_path, f"e = nn.Embedding({rows}, 8)\ny = e(x)\n".replace("num_embeddings=40, 8", "num_embeddings=40, d=8")
    )
    given = {"inputs": [{"embedding_rows": 40, "max": 41.0}]}
    assert f"nn.Embedding({new}, " in code.changed("vocabulary", finding="y = e", **given)[1][0]
    with pytest.raises(NotApplicable, match="another vocabulary"):
        code.changed("vocabulary", finding="y = e", inputs=[{"embedding_rows": 40, "max": 900.0}])


def test_two_permutations_of_pairs_become_one(tmp_path):
    code = Code(tmp_path, "x = x[rng.permutation(len(x))]  # x\ny = y[rng.permutation(len(y))]  # y\n")
    given = {
        "inputs": [{"phase": "train", **code.at("# x", "data_")}],
        "losses": [{"phase": "train", **code.at("# y", "target_")}],
    }
    assert code.changed("pair-samples", **given)[1] == [
        "order = rng.permutation(len(x))", "x = x[order]  # x", "y = y[order]  # y",
    ]  # fmt: skip


def test_augmentation_is_halved_then_left_out(tmp_path):
    code = Code(
        tmp_path,
        """
        class Digits:
            def __getitem__(self, i):
                shift = torch.randint(-2, 3, (2,))  # read
                return x.masked_fill(torch.rand(x.shape) < 0.4, 0.0)
        data = Digits(augment=True, train=True)
        loader = DataLoader(data)
        """,
    )
    place = {**code.at("loader", "created_"), **code.at("# read", "dataset_")}
    half, none = code.patches("augment-less", loaders=[{"phase": "train", **place}])
    assert "torch.randint(-1, 2, (2,))" in half
    assert "< 0.2, 0.0)" in half
    assert "Digits(augment=False, train=True)" in none


def test_random_transforms_are_taken_out_one_at_a_time(tmp_path):
    code = Code(
        tmp_path,
        """
        tf = transforms.Compose([
            transforms.RandomHorizontalFlip(),
            transforms.ToTensor(),
            transforms.RandomErasing(),
        ])
        loader = DataLoader(Images(tf))
        """,
    )
    first, second = code.patches("drop-transform", loaders=[{"phase": "train", **code.at("loader", "created_")}])
    assert "RandomHorizontalFlip" not in first
    assert "RandomErasing" in first
    assert "RandomErasing" not in second
    plain = Code(tmp_path, "loader = DataLoader(Images())\n")
    with pytest.raises(NotApplicable, match="no augmentation"):
        plain.patches("drop-transform", loaders=[{"phase": "train", **plain.at("loader", "created_")}])


def test_column_that_is_the_target_is_blanked(tmp_path):
    code = Code(tmp_path, LOOP)
    told = {"target_in_input": [{"model": "Net", "column": 1}]}
    text = code.patches("drop-column", **facts(code), **told)[0]
    assert "INPUT_KEPT = torch.ones(2)\nINPUT_KEPT[1] = 0.0\n" in text
    assert "score = model(without_target(x_val))" in text
    with pytest.raises(NotApplicable, match="no single column"):
        code.patches("drop-column", **facts(code), target_in_input=[{"model": "Net", "shifted_identity": True}])


def test_loss_is_told_from_the_model_by_the_optimizer(tmp_path):
    code = Code(tmp_path, LOOP.replace("criterion(", "bce("))
    assert "bce(model(standardise(x[0].to(device))), y)" in code.patches("standardise", **facts(code))[0]
