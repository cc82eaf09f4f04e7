# ruff: noqa: E501, ISC004 (printed lines are as wide as they are printed)
from __future__ import annotations

import io
import math

import pytest

from netvet.capture.logs import text
from netvet.capture.logs.table import UnreadableLog
from netvet.capture.logs.tokens import clean, parsed

BAR = "━━━━━━━━━━━━"


def read(printed: str) -> dict[str, list[float]]:
    table = text.read(io.StringIO(printed, newline=""), "run", "run.log")
    return {name: column.values.tolist() for name, column in table.columns.items()}


SHAPES = {
    "pairs": (
        "Epoch 3/10 loss: 0.12 acc=0.98\nEpoch 4/10 loss: 0.11 acc=0.99\n",
        {"epoch": [3, 4], "loss": [0.12, 0.11], "acc": [0.98, 0.99]},
    ),
    "bars between": (
        "step 100 | loss 2.31 | lr 3e-4 | grad norm 1.5\nstep 200 | loss 2.2 | lr 3e-4 | grad norm 1.25\n",
        {"step": [100, 200], "loss": [2.31, 2.2], "lr": [3e-4, 3e-4], "grad norm": [1.5, 1.25]},
    ),
    "nanoGPT": (
        "iter 10: loss 3.2, time 100ms, mfu 3%\niter 20: loss 3.1, time 99ms, mfu 3%\n"
        "step 250: train loss 2.1, val loss 2.2\nstep 500: train loss 2.0, val loss 2.15\n",
        {"step": [10, 20, 250, 500], "loss": [3.2, 3.1], "train loss": [2.1, 2.0], "val loss": [2.2, 2.15]},
    ),
    "dicts": (
        "{'loss': 1.2, 'grad_norm': 3.5, 'learning_rate': 5e-05, 'epoch': 0.5}\n"
        "{'loss': '1.1', 'grad_norm': '3.25', 'learning_rate': '4e-05', 'epoch': '1'}\n{'eval_loss': 1.0, 'epoch': 1.0}\n",
        {"loss": [1.2, 1.1], "grad_norm": [3.5, 3.25], "learning_rate": [5e-5, 4e-5], "eval_loss": [1.0]},
    ),
    "a bar of Keras": (
        f"Epoch 1/2\n\x1b[1m 1/32\x1b[0m {BAR} 2s 70ms/step - accuracy: 0.5 - loss: 0.9\b\b\b\r"
        f"32/32 {BAR} 0s 2ms/step - accuracy: 0.6 - loss: 0.69 - val_accuracy: 0.7 - val_loss: 0.6\n"
        f"Epoch 2/2\n32/32 {BAR} 0s 2ms/step - accuracy: 0.8 - loss: 0.4 - val_accuracy: 0.75 - val_loss: 0.5\n",
        {"epoch": [1, 2], "loss": [0.69, 0.4], "accuracy": [0.6, 0.8], "val_loss": [0.6, 0.5]},
    ),
    "tqdm by epoch": (
        "Epoch 0:  40%|████      | 40/100 [00:01<00:02, 30.12it/s, loss=0.5]\r"
        "Epoch 0: 100%|██████████| 100/100 [00:03<00:00, 30.12it/s, loss=0.4]\n"
        "Epoch 1: 100%|██████████| 100/100 [00:03<00:00, 30.12it/s, loss=0.3]\n",
        {"epoch": [0, 1], "loss": [0.4, 0.3]},
    ),
    "tqdm by step": (
        " 40%|████      | 40/100 [00:01<00:02, 30.12it/s, loss=0.5]\r 41%|███  | 41/100 [00:01<00:02, 30it/s, loss=0.6]\n",
        {"step": [40, 41], "loss": [0.5, 0.6]},
    ),
    "the example of MNIST": (
        "Train Epoch: 1 [640/60000 (1%)]\tLoss: 2.3\nTrain Epoch: 1 [1280/60000 (2%)]\tLoss: 2.2\n\n"
        "Test set: Average loss: 0.05, Accuracy: 9840/10000 (98%)\n\n",
        {"train Loss": [2.3, 2.2], "val Average loss": [0.05], "val Accuracy": [0.984]},
    ),
    "brackets": (
        "Epoch [3/10], Step [100/600], Loss: 0.5\nEpoch [3/10], Step [200/600], Loss: 0.4\n",
        {"epoch": [3, 3], "step": [100, 200], "Loss": [0.5, 0.4]},
    ),
    "a title above": (
        "Epoch 1\n-------\nloss: 2.3  [   64/60000]\nloss: 2.2  [ 6464/60000]\nTest Error: \n Accuracy: 50.5%, Avg loss: 2.15 \n",
        {"loss": [2.3, 2.2], "val Accuracy": [0.505], "val Avg loss": [2.15]},
    ),
    "sides of a line": (
        "Epoch 0/24\ntrain Loss: 0.6 Acc: 0.7\nval Loss: 0.3 Acc: 0.9\nEpoch 1/24\ntrain Loss: 0.5 Acc: 0.8\nval Loss: 0.2 Acc: 0.95\n",
        {"train Loss": [0.6, 0.5], "train Acc": [0.7, 0.8], "val Loss": [0.3, 0.2], "val Acc": [0.9, 0.95]},
    ),
    "logging": (
        "2024-01-01 12:00:00,123 INFO train.py: epoch=1 train_loss=0.5\n2024-01-01 12:00:01,123 INFO train.py: epoch=2 train_loss=0.4\n",
        {"epoch": [1, 2], "train_loss": [0.5, 0.4]},
    ),
    "a table of fastai": (
        "epoch     train_loss  valid_loss  accuracy  time    \n0         0.6         0.5         0.80      00:05     \n"
        "1         0.4         0.3         0.90      00:05     \n",
        {"epoch": [0, 1], "train_loss": [0.6, 0.4], "valid_loss": [0.5, 0.3], "accuracy": [0.8, 0.9]},
    ),
    "a table of skorch": (
        "  epoch    train_loss    valid_acc    dur\n-------  ------------  -----------  -----\n"
        "      1        \x1b[36m0.7\x1b[0m       \x1b[32m0.6\x1b[0m   0.03\n      2        0.5       0.7   0.03\n",
        {"epoch": [1, 2], "train_loss": [0.7, 0.5], "valid_acc": [0.6, 0.7]},
    ),
    "a table of Ultralytics": (
        "      Epoch    GPU_mem   box_loss   cls_loss  Instances       Size\n"
        "        1/3         0G      1.2      2.1     10     640: 100%|██████████| 8/8 [00:01<00:00]\n"
        "        2/3         0G      1.1      2.0     10     640: 100%|██████████| 8/8 [00:01<00:00]\n",
        {"epoch": [1, 2], "box_loss": [1.2, 1.1], "cls_loss": [2.1, 2.0]},
    ),
    "blocks of Stable-Baselines3": (
        "".join(
            f"-------------------\n| rollout/        |     |\n|    ep_rew_mean  | {i} |\n| train/   |   |\n|    loss  | {i}.5 |\n-----\n"
            for i in (1, 2)
        ),
        {"ep_rew_mean": [1, 2], "loss": [1.5, 2.5]},
    ),
    "bare sides": (
        "epoch  0: train 0.4048 val 0.2932 accuracy 0.87\nepoch  4: train 0.1076 val 0.0797 accuracy 0.96\n",
        {"epoch": [0, 4], "train": [0.4048, 0.1076], "val": [0.2932, 0.0797], "val accuracy": [0.87, 0.96]},
    ),
    "tensors": (
        "epoch 1 loss: tensor(0.5000, grad_fn=<NllLossBackward0>)\nepoch 2 loss: tensor(0.4000, grad_fn=<NllLossBackward0>)\n",
        {"epoch": [1, 2], "loss": [0.5, 0.4]},
    ),
}  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
def test_reads_the_usual_shapes(shape):
    printed, expected = SHAPES[shape]
    found = read(printed)
    assert {name: found.get(name) for name in expected} == expected


@pytest.mark.parametrize("word", ["nan", "NaN", "-nan"])
def test_reads_words_for_what_is_no_number(word):
    found = read(f"epoch 1 loss: 0.5\nepoch 2 loss: {word}\nepoch 3 loss: inf\n")["loss"]
    assert found[0] == 0.5
    assert math.isnan(found[1])
    assert found[2] == math.inf


def test_takes_what_is_printed_once_before_for_settings():
    table = text.read(
        io.StringIO("lr: 0.1\nbatch_size: 64\n" + "".join(f"epoch {i} loss: {1 / i}\n" for i in (1, 2, 3))), "", ""
    )
    assert table.settings == {"lr": 0.1, "batch_size": 64.0}
    assert "lr" not in table.columns


@pytest.mark.parametrize("printed", ["", "hello\n", "a: b\n" * 30, "1 2 3\n4 5 6\n", "version: 3\n"])
def test_refuses_a_text_without_named_numbers_that_come_back(printed):
    with pytest.raises(UnreadableLog, match="no number with a name"):
        read(printed)


def test_is_not_slowed_down_by_hostile_lines():
    lines = [
        "loss" * 100_000,
        "1" * 400_000,
        "1/" * 200_000,
        "[" * 400_000,
        "a-" * 200_000,
        "%|" * 200_000,
        "0.1." * 99_999,
    ]
    assert read("\n".join([*lines, "epoch 1 loss 0.5", "epoch 2 loss 0.4"]))["loss"] == [0.5, 0.4]


@pytest.mark.parametrize(
    ("line", "pairs"),
    [
        ("step 1,200/10,000 | loss 2.31", {"step": 1200, "_of": 10000, "loss": 2.31}),
        ("iter 12,345: loss 1,234.5", {"step": 12345, "loss": 1234.5}),
        ("step 1.2k | loss 3.2 | gnorm 0.5 | tokens 1.5M", {"step": 1200, "loss": 3.2, "gnorm": 0.5, "tokens": 1.5e6}),
        ("loss:1,acc:0", {"loss": 1, "acc": 0}),
        ("accuracy: 93.4 %", {"accuracy": 0.934}),
        ("batch size: 64, learning rate: 3e-4", {"batch size": 64, "learning rate": 3e-4}),
        ("step loss: 0.3", {"loss": 0.3}),
        ("tokens per iteration will be: 16,384", {}),
        ("number of parameters: 10.65M", {}),
        ("num decayed parameter tensors: 26, with 10,740,096 parameters", {}),
        ("found vocab_size = 65 (inside data/meta.pkl)", {"vocab_size": 65}),
        ("average loss over the last ten batches: 2.3", {"loss": 2.3}),
        ("train loss = 0.3, test loss = 0.4", {"train loss": 0.3, "test loss": 0.4}),
        ("10:20:30 | INFO | __main__:train:88 - epoch=3 loss=0.3", {"epoch": 3, "loss": 0.3}),
        ("train.py:88 epoch: 3 loss: 0.2", {"epoch": 3, "loss": 0.2}),
        ("Epoch: [3][ 10/100] Loss 2.3e+00 (2.4e+00)", {"epoch": 3, "step": 10, "_of": 100, "Loss": 2.3}),
        ("Train Epoch: 1 [640/1200 (53%)]\tLoss: 2.3", {"epoch": 1, "train Loss": 2.3}),
        ("training: 40%|████      | 40/100 [00:01<00:02, 30.12it/s, loss=0.5]", {"train loss": 0.5}),
    ],
)
def test_numbers_are_read_as_people_write_them_and_sentences_are_left(line, pairs):
    assert dict(parsed(clean(line)).pairs) == pytest.approx(pairs)


def test_what_is_said_before_the_training_is_set_only_where_it_has_a_name():
    head = "tokens per iteration will be: 16,384\nbatch size: 64\nmax_iters = 5,000\n"
    table = text.read(io.StringIO(head + "".join(f"iter {i}: loss {3 - i / 9}\n" for i in range(9))), "run", "run.log")
    assert table.settings == {"batch size": 64, "max_iters": 5000}


def test_a_title_is_about_the_line_below_and_a_star_about_those_above():
    found = read(
        "Starting training...\nEpoch 1 loss 0.5\nTest: [0/10] Loss 0.7\n * Acc@1 93.5\n"
        "Epoch 2 loss 0.4\nTest: [0/10] Loss 0.6\n * Acc@1 94.5\n"
    )
    assert found["loss"] == [0.5, 0.4]
    assert found["val Acc@1"] == [93.5, 94.5]


def test_an_epoch_that_is_told_by_its_bar_and_again_in_words_is_told_once():
    bar = "Epoch {0}: 100%|██████████| 10/10 [00:03<00:00, 30.12it/s, loss=0.5]\nloss: 0.4{0} val_loss: 0.6\n"
    assert read(bar.format(1) + bar.format(2) + bar.format(3))["loss"] == [0.41, 0.42, 0.43]


def test_a_head_whose_names_stand_close_is_read_too():
    found = read("epoch      train_loss valid_loss time\n0          0.5        0.6        00:01\n1  0.4  0.5  00:01\n")
    assert found == {"epoch": [0, 1], "train_loss": [0.5, 0.4], "valid_loss": [0.6, 0.5]}
