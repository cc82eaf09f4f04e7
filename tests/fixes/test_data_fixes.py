"""Fixes of loaders, splits and stored samples."""

import pytest

from netvet.fixes.source import NotApplicable
from tests.fixes.code import Code

LOADERS = """
    import torch
    from torch.utils.data import DataLoader
    def main(train_set, val_set):
        train_loader = DataLoader(train_set, batch_size=32)  # train
        val_loader = DataLoader(val_set, batch_size=64)  # val
        for epoch in range(3):
            for i, (x, y) in enumerate(train_loader):  # loop
                pass
    """


def loaders(code, **more):
    train = {"phase": "train", "dataset": "Images", **more, **code.at("# train", "created_")}
    return [train, {"phase": "eval", "dataset": "Images", **code.at("# val", "created_")}]


@pytest.fixture
def loaded(tmp_path):
    code = Code(tmp_path, LOADERS)
    return code, {"loaders": loaders(code)}


def test_training_loader_alone_is_shuffled(loaded):
    code, facts = loaded
    assert code.changed("shuffle", **facts)[1] == [
        "train_loader = DataLoader(train_set, batch_size=32, shuffle=True)  # train"
    ]


def test_stream_is_not_shuffled(tmp_path):
    code = Code(tmp_path, LOADERS)
    with pytest.raises(NotApplicable, match="stream"):
        code.changed("shuffle", loaders=loaders(code, iterable=True))


def test_sampler_keeps_its_order(tmp_path):
    code = Code(tmp_path, LOADERS.replace("size=32", "size=32, sampler=mine"))
    with pytest.raises(NotApplicable, match="sampler"):
        code.changed("shuffle", loaders=loaders(code))


def test_helper_that_makes_both_loaders_is_told_to_shuffle_one(tmp_path):
    code = Code(
        tmp_path,
        """
        from torch.utils.data import DataLoader
        def batches(data, size, shuffle=False):
            return DataLoader(data, size, shuffle=shuffle)
        train = batches(a, 12)
        val = batches(b, 54)
        """,
    )
    both = [{"phase": phase, **code.at("return", "created_")} for phase in ("train", "eval")]
    given = [{"phase": "train", **code.at("train =", "given_")}]
    assert code.changed("shuffle", loaders=both, inputs=given)[1] == ["train = batches(a, 12, shuffle=True)"]


def test_batches_cut_by_hand_are_cut_from_a_permutation(tmp_path):
    code = Code(
        tmp_path,
        """
        import torch
        for epoch in range(3):
            for i in range(0, len(x), 16):
                xb, yb = x[i : i + 16], y[i:i+16]  # cut
                other = z[0:16]
        """,
    )
    made = code.changed("shuffle", inputs=[{"phase": "train", **code.at("# cut", "batch_")}])[1]
    assert made == [
        "order = torch.randperm(len(x))",
        "xb, yb = x[order[i : i + 16]], y[order[i:i+16]]  # cut",
    ]


@pytest.mark.parametrize(
    ("head", "new"),
    [
        ("zip(x.split(8), y.split(8))", "zip(x[order].split(8), y[order].split(8))"),
        ("zip(torch.split(x, 8), y.split(8))", "zip(torch.split(x[order], 8), y[order].split(8))"),
        ("torch.arange(n).split(8)", "torch.randperm(n).split(8)"),
    ],
)
def test_batches_split_in_the_head_of_a_loop(tmp_path, head, new):
    code = Code(tmp_path, f"import torch\nfor xb in {head}:\n    pass\n")
    made = code.changed("shuffle", inputs=[{"phase": "train", **code.at("for", "batch_")}])[1]
    assert f"for xb in {new}:" in made


def test_batches_cut_where_the_model_is_called(tmp_path):
    code = Code(
        tmp_path,
        """
        import numpy, torch
        class Trainer:
            def epoch(self):
                for b in range(0, 64, 8):
                    out = self.net(X[b : b + 8])  # call
        """,
    )
    made = code.changed("shuffle", inputs=[{"phase": "train", **code.at("# call")}])[1]
    assert made == ["order = torch.randperm(len(X))", "out = self.net(X[order[b : b + 8]])  # call"]


def test_batches_cut_from_a_permutation_stay(tmp_path):
    code = Code(
        tmp_path, "order = torch.randperm(9)\nfor i in range(0, 9, 3):\n    rows = order[i : i + 3]\n    y = x[rows]\n"
    )
    with pytest.raises(NotApplicable, match="already"):
        code.changed("shuffle", inputs=[{"phase": "train", **code.at("rows = order", "batch_")}])


def test_random_batches_stay(tmp_path):
    code = Code(tmp_path, "import torch\nfor rows in torch.randperm(n).split(8):\n    xb = x[rows]\n")
    with pytest.raises(NotApplicable, match="already"):
        code.changed("shuffle", inputs=[{"phase": "train", **code.at("for", "batch_")}])


def test_copies_are_dropped_before_the_loader(loaded):
    code, facts = loaded
    text = code.patches("drop-duplicates", **facts)[0]
    assert "    train_set = without_copies(train_set)\n    train_loader = DataLoader(train_set" in text
    assert text.index("def without_copies") < text.index("def main")


def test_data_set_without_a_name_is_wrapped(tmp_path):
    code = Code(tmp_path, LOADERS.replace("DataLoader(train_set", "DataLoader(make(1)"))
    text = code.patches("drop-duplicates", loaders=loaders(code))[0]
    assert "DataLoader(without_copies(make(1)), batch_size=32)" in text


def test_shared_samples_are_dropped_from_training(loaded):
    code, facts = loaded
    assert "    train_set = without_shared(train_set, val_set)\n" in code.patches("drop-shared", **facts)[0]


def test_evaluation_data_made_too_late(tmp_path):
    code = Code(tmp_path, LOADERS.replace("    val_loader", "    val_set = 1\n        val_loader"))
    with pytest.raises(NotApplicable, match="after the training loader"):
        code.changed("drop-shared", loaders=loaders(code))


SPLIT = """
    import torch
    train = torch.randperm(n)[100:]
    val = torch.randperm(n)[:100]
    """


def test_two_permutations_become_one(tmp_path):
    code = Code(tmp_path, SPLIT)
    inputs = [
        {"phase": "train", **code.at("train", "chosen_")},
        {"phase": "eval", **code.at("val", "chosen_")},
    ]
    assert code.changed("split-first", inputs=inputs)[1] == [
        "order = torch.randperm(n)", "train = order[100:]", "val = order[:100]",
    ]  # fmt: skip
    assert code.changed("drop-shared", inputs=inputs)[1] == ["train = train[~torch.isin(train, val)]"]


def test_splits_of_different_data_stay(tmp_path):
    code = Code(tmp_path, SPLIT.replace("(n)[:", "(m)[:"))
    inputs = [{"phase": "train", **code.at("train", "chosen_")}, {"phase": "eval", **code.at("val", "chosen_")}]
    with pytest.raises(NotApplicable, match="same data"):
        code.changed("split-first", inputs=inputs)


def test_classes_are_drawn_equally_often(tmp_path):
    code = Code(tmp_path, LOADERS.replace("size=32", "size=32, shuffle=True"))
    targets = [{"phase": "train", "kind": "classes"}]
    assert code.changed("balanced-sampler", loaders=loaders(code), targets=targets)[1] == [
        "train_labels = torch.tensor([int(train_set[index][-1]) for index in range(len(train_set))])",
        "sample_weights = 1.0 / torch.bincount(train_labels)[train_labels]",
        "sampler = torch.utils.data.WeightedRandomSampler(sample_weights, len(train_labels))",
        "train_loader = DataLoader(train_set, batch_size=32, sampler=sampler)  # train",
    ]
    with pytest.raises(NotApplicable, match="one class a sample"):
        code.patches("balanced-sampler", loaders=loaders(code), targets=[{"phase": "train", "kind": "regression"}])


def test_small_last_batch_is_left_out(tmp_path):
    code = Code(tmp_path, LOADERS)
    facts = loaders(code, samples=97, batch_size=32)
    assert "batch_size=32, drop_last=True)" in code.changed("drop-last", loaders=facts)[1][0]
    with pytest.raises(NotApplicable, match="no small one"):
        code.changed("drop-last", loaders=loaders(code, samples=96, batch_size=32))


def test_sampler_is_told_of_the_epoch(tmp_path):
    code = Code(tmp_path, LOADERS)
    facts = [{"phase": "train", "distributed_sampler": True, "set_epoch_called": False, **code.at("# loop")}]
    assert code.changed("set-epoch", loaders=facts)[1] == ["train_loader.sampler.set_epoch(epoch)"]


def test_rows_cut_in_order_are_put_into_random_order(tmp_path):
    code = Code(tmp_path, "import torch\nx_train, x_val = x[:n], x[n:]\nt, v = y[:n], y[n:]  # here\n")
    assert code.changed("stratify", finding="# here")[1] == [
        "order = torch.randperm(len(x))",
        "x, y = x[order], y[order]",
    ]


def test_split_of_scikit_learn_is_stratified(tmp_path):
    code = Code(tmp_path, "parts = train_test_split(x, y, test_size=0.2, shuffle=False)\n")
    with pytest.raises(NotApplicable, match="not cut in two"):
        Code(tmp_path, "a = x[:3]\n").changed("stratify", finding="a = x")
    code = Code(tmp_path, "parts = train_test_split(x, y, test_size=0.2, shuffle=False)\n")
    assert code.changed("stratify", finding="parts")[1] == ["parts = train_test_split(x, y, test_size=0.2, stratify=y)"]


WORKERS = """
    import numpy as np
    from torch.utils.data import DataLoader
    class Shapes:
        def __init__(self, seed):
            self.rng = np.random.default_rng(seed)
        def __getitem__(self, i):
            return self.rng.normal()  # read
    loader = DataLoader(Shapes(0), num_workers=2)  # train
    """


def test_generator_of_a_data_set_is_made_anew_in_each_worker(tmp_path):
    code = Code(tmp_path, WORKERS)
    place = {**code.at("# train", "created_"), **code.at("# read", "dataset_")}
    facts = {
        "worker_draws": [{"loader": "a", **place}],
        "loaders": [{"name": "a", "workers": 2, "dataset": "Shapes", **place}],
    }
    text = code.patches("worker-seed", **facts)[0]
    assert "    info.dataset.rng = np.random.default_rng(info.seed)\n" in text
    assert "DataLoader(Shapes(0), num_workers=2, worker_init_fn=seed_worker)" in text
    facts["loaders"][0]["dataset"] = "Concat"
    with pytest.raises(NotApplicable, match="within Concat"):
        code.patches("worker-seed", **facts)


@pytest.mark.parametrize(
    ("lines", "new"),
    [
        (["x -= self.mean", "x /= a + b"], ["x = x - self.mean", "x = x / (a + b)"]),
        (["x.sub_(m)"], ["x = x.sub(m)"]),
        (["x = x.clamp_(0, 1)"], ["x = x.clamp(0, 1)"]),
        (["x[0] = 0"], ["x = copy.deepcopy(x)"]),
        (["x = normalize(x, m, s, inplace=True)"], ["x = normalize(x, m, s, inplace=False)"]),
    ],
)
def test_stored_samples_are_not_written_into(tmp_path, lines, new):
    body = "\n".join("    " + line for line in lines)
    code = Code(tmp_path, f"def read(self, i):\n    x = self.images[i]\n{body}\n    return x\n")
    made = [line for line in code.changed("copy-first", finding=lines[0])[1] if line != "import copy"]
    assert made == new


def test_nothing_is_changed_in_place(tmp_path):
    code = Code(tmp_path, "x = images[0]\n")
    with pytest.raises(NotApplicable, match="nothing in place"):
        code.changed("copy-first", finding="x =")


def test_wrapper_is_called(tmp_path):
    code = Code(tmp_path, "ddp = DDP(net)\nloss = f(net(x), y)  # call\nother = ddp.module(x)\n")
    facts = {"replicas": [{"raw_module_called": True, **code.at("# call")}]}
    assert code.changed("call-wrapper", **facts)[1] == ["loss = f(ddp(x), y)  # call"]
