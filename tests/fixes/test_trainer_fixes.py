"""Fixes of programs that leave optimizer, loaders and loop to a trainer: they change what it is given."""

import pytest

from netvet.fixes.source import NotApplicable
from tests.fixes.code import Code

HUGGING_FACE = """
    from transformers import Trainer, TrainingArguments
    args = TrainingArguments(
        "out", num_train_epochs=4, per_device_train_batch_size=16, learning_rate=0.5,
    )
    trainer = Trainer(model, args, train_dataset=rows)
    trainer.train()  # trained
    """
SKORCH = """
    import torch
    from skorch import NeuralNetClassifier
    class Net(NeuralNetClassifier):
        pass
    net = Net(Module, lr=5.0, max_epochs=4)
    net.fit(X, y)  # trained
    """
FASTAI = """
    from fastai.basics import *
    dls = DataLoaders.from_dsets(train, val, bs=64)
    learn = Learner(dls, net, opt_func=SGD, cbs=[ShowGraph()])
    learn.fit_one_cycle(4, 1e-6)  # trained
    """
LIGHTNING = """
    import lightning as L
    import torch
    class Module(L.LightningModule):
        def configure_optimizers(self):
            optimizer = torch.optim.SGD(self.parameters(), lr=1.0)  # made
            schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9)  # schedule
            return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}
    trainer = L.Trainer(max_epochs=4)
    trainer.fit(Module(), DataLoader(train, 8, shuffle=True), DataLoader(val, 32))  # trained
    """
IGNITE = """
    from ignite.engine import create_supervised_trainer
    trainer = create_supervised_trainer(net, optimizer, loss)
    trainer.run(loader, max_epochs=4)  # trained
    """


def given(folder, text, cls="AdamW", made="# trained", **of_optimizer):
    """A program, and what its run says: all is done where the trainer is told to train."""
    code = Code(folder, text)
    here = code.at("# trained")
    loader = code.at("# trained", "created_") | {"phase": "train", "batch_size": 8, "shuffled": True}
    optimizer = code.at(made) | code.at("# trained", "step_") | {"cls": cls, "groups": [of_optimizer]}
    return code, {"optimizers": [optimizer], "loaders": [loader], "backwards": [here]}


@pytest.mark.parametrize(
    ("fix", "line"),
    [
        ("lower-lr", "learning_rate=0.05,"),
        ("larger-batch", "per_device_train_batch_size=64,"),
        ("smaller-batch", "per_device_train_batch_size=4,"),
        ("train-longer", "num_train_epochs=12,"),
        ("more-weight-decay", "weight_decay=0.1,"),
        ("constant-lr", 'lr_scheduler_type="constant",'),
        ("warmup", "warmup_steps=100,"),
        ("sgd", 'optim="sgd",'),
    ],
)
def test_training_arguments(tmp_path, fix, line):
    code, facts = given(tmp_path, HUGGING_FACE)
    schedule = code.at("# trained") | {"cls": "LambdaLR", "horizon": None}
    text = code.patches(fix, **facts, schedulers=[schedule])[0]
    assert line in text
    assert text.count("trainer.train()  # trained") == 1


@pytest.mark.parametrize(
    ("fix", "line"),
    [
        ("lower-lr", "net = Net(Module, lr=0.5, max_epochs=4)"),
        ("larger-batch", "net = Net(Module, lr=5.0, max_epochs=4, batch_size=512)"),
        ("train-longer", "net = Net(Module, lr=5.0, max_epochs=12)"),
        ("more-weight-decay", "net = Net(Module, lr=5.0, max_epochs=4, optimizer__weight_decay=0.0005)"),
        ("usual-momentum", "net = Net(Module, lr=5.0, max_epochs=4, optimizer__momentum=0.9)"),
        ("shuffle", "net = Net(Module, lr=5.0, max_epochs=4, iterator_train__shuffle=True)"),
        ("adam", "net = Net(Module, lr=1e-3, max_epochs=4, optimizer=torch.optim.AdamW)"),
        ("clip-gradients", "net = Net(Module, lr=5.0, max_epochs=4, callbacks=[GradientNormClipping(1.0)])"),
    ],
)
def test_nets_of_skorch(tmp_path, fix, line):
    code, facts = given(tmp_path, SKORCH, "SGD", momentum=0)
    assert line in code.changed(fix, **facts)[1]


@pytest.mark.parametrize(
    ("fix", "line"),
    [
        ("raise-lr", "learn.fit_one_cycle(4, 1e-05)  # trained"),
        ("larger-batch", "dls = DataLoaders.from_dsets(train, val, bs=256)"),
        ("train-longer", "learn.fit_one_cycle(12, 1e-6)  # trained"),
        ("adam", "learn = Learner(dls, net, opt_func=Adam, cbs=[ShowGraph()])"),
        ("clip-gradients", "learn = Learner(dls, net, opt_func=SGD, cbs=[ShowGraph(), GradientClip(1.0)])"),
    ],
)
def test_learners_of_fastai(tmp_path, fix, line):
    code, facts = given(tmp_path, FASTAI, "SGD")
    assert line in code.changed(fix, **facts)[1]


def test_both_ends_of_a_slice_of_rates(tmp_path):
    code, facts = given(tmp_path, FASTAI.replace("1e-6", "slice(1e-5, 1e-3)"))
    assert "learn.fit_one_cycle(4, slice(1e-06, 0.0001))  # trained" in code.changed("lower-lr", **facts)[1]


@pytest.mark.parametrize(
    ("fix", "line"),
    [
        ("lower-lr", "optimizer = torch.optim.SGD(self.parameters(), lr=0.1)  # made"),
        ("train-longer", "trainer = L.Trainer(max_epochs=12)"),
        ("clip-gradients", "trainer = L.Trainer(max_epochs=4, gradient_clip_val=1.0)"),
        (
            "larger-batch",
            "trainer.fit(Module(), DataLoader(train, 32, shuffle=True), DataLoader(val, 32))  # trained",
        ),
        (
            "step-per-epoch",
            'return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "epoch"}}',
        ),
    ],
)
def test_lightning(tmp_path, fix, line):
    code, facts = given(tmp_path, LIGHTNING, "SGD", "# made")
    schedule = code.at("# schedule") | {"cls": "ExponentialLR", "per": "batch"}
    schedulers = [schedule] if fix == "step-per-epoch" else []
    assert line in code.changed(fix, **facts, schedulers=schedulers)[1]


def test_the_loader_of_evaluation_on_the_same_line_is_left_alone(tmp_path):
    code, facts = given(tmp_path, LIGHTNING.replace("train, 8, shuffle=True", "train, 8"), "SGD", "# made")
    facts["loaders"] = [facts["loaders"][0] | {"shuffled": False}]
    changed = "trainer.fit(Module(), DataLoader(train, 8, shuffle=True), DataLoader(val, 32))  # trained"
    assert changed in code.changed("shuffle", **facts)[1]


def test_epochs_of_ignite(tmp_path):
    code, facts = given(tmp_path, IGNITE)
    assert "trainer.run(loader, max_epochs=12)  # trained" in code.changed("train-longer", **facts)[1]


def test_a_schedule_of_as_many_epochs_lasts_as_long(tmp_path):
    code, facts = given(tmp_path, LIGHTNING.replace("ExponentialLR(optimizer, 0.9)", "CosineAnnealingLR(optimizer, 4)"))
    schedule = code.at("# schedule") | {"cls": "CosineAnnealingLR", "horizon": 4}
    assert any("CosineAnnealingLR(optimizer, 12)" in one for one in code.changed(
        "train-longer", **facts, schedulers=[schedule])[1])  # fmt: skip


def test_what_stands_in_a_dict_is_found(tmp_path):
    text = HUGGING_FACE.replace("learning_rate=0.5,", "**settings,").replace(
        "args =", "settings = dict(learning_rate=0.5)\n    args ="
    )
    code, facts = given(tmp_path, text)
    assert code.changed("lower-lr", **facts)[1] == ["settings = dict(learning_rate=0.05)"]


@pytest.mark.parametrize(
    ("text", "fix", "why"),
    [
        (HUGGING_FACE.replace("learning_rate=0.5,", "**read(),"), "lower-lr", "cannot be read"),
        (HUGGING_FACE.replace("TrainingArguments(", "made_elsewhere("), "lower-lr", "no trainer of the program"),
        (HUGGING_FACE, "clip-gradients", r"to norm 1\.0 by default"),
        (HUGGING_FACE, "default-betas", "transformers makes the optimizer itself, in trainer.train"),
        (SKORCH, "warmup", "given its warmup"),
        (SKORCH, "less-weight-decay", "no weight decay"),
        (FASTAI.replace("[ShowGraph()]", "callbacks"), "clip-gradients", "what cbs holds"),
    ],
)
def test_a_setting_that_cannot_be_read_is_refused(tmp_path, text, fix, why):
    code, facts = given(tmp_path, text)
    with pytest.raises(NotApplicable, match=why):
        code.patches(fix, **facts)


def test_a_loop_of_ones_own_beside_a_model_of_transformers_is_changed_as_ever(tmp_path):
    text = """
        import torch
        from transformers import BertModel
        optimizer = torch.optim.AdamW(model.parameters(), lr=0.5)  # trained
        """
    code, facts = given(tmp_path, text)
    assert (
        "optimizer = torch.optim.AdamW(model.parameters(), lr=0.05)  # trained" in code.changed("lower-lr", **facts)[1]
    )
