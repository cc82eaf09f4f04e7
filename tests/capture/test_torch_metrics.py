"""How the script itself scores predictions."""

import pytest
import torch
import torch.nn.functional as functional
from torch import nn

X = torch.randn(60, 6, generator=torch.Generator().manual_seed(1))
Y = X[:, :3].argmax(1)
B = (X[:, 0] > 0).float()


def fit(evaluate, make=lambda: nn.Linear(6, 3), loss_of=lambda out: functional.cross_entropy(out, Y)):
    torch.manual_seed(0)
    model = make()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    for _ in range(4):
        for _ in range(20):
            optimizer.zero_grad()
            loss_of(model(X)).backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            evaluate(model(X))
        model.train()


def metric(watch, evaluate, **settings):
    run = watch(lambda: fit(evaluate, **settings), probes=False)
    return run, run.get("metrics")[0]


@pytest.mark.parametrize(
    "evaluate",
    [
        lambda out: (out.argmax(1) == Y).sum().item(),
        lambda out: (out.argmax(dim=-1) == Y).float().mean().item(),
        lambda out: torch.max(out, 1)[1].eq(Y).sum(),
        lambda out: out.softmax(1).max(1).indices.ne(Y).sum(),
        lambda out: out.argmax(1, keepdim=True).eq(Y.view(-1, 1)).sum(),
        lambda out: (out.topk(1, 1).indices.squeeze() == Y).sum(),
        lambda out: (torch.topk(out, k=1)[1].squeeze() == Y).sum(),
        lambda out: (torch.topk(out, 3)[1][:, 0] == Y).sum() + (torch.topk(out, 1)[1].squeeze() == Y).sum(),
        lambda out: (out.detach().cpu().argmax(1).long() == Y).sum(),
    ],
)
def test_right_ways_to_count_are_right(watch, evaluate):
    run, record = metric(watch, evaluate)
    assert record["op"] in ("argmax", "max")
    assert record["dim"] == record["classes_dim"] == 1
    assert record["value"] == pytest.approx(record["correct_value"])
    assert record["compared"] == 60
    assert record["phase"] == "eval"
    (series,) = run.get("val_accuracy").values()
    assert series.values[-1] == pytest.approx(record["correct_value"])
    assert run.get("evaluations")[0]["scored"] == "compare"


def test_the_last_pass_agrees_with_a_reference(watch):
    seen = []

    def evaluate(out):
        wrong = out[:3].argmax(0) == Y[:3]
        seen.append((float(wrong.double().mean()), float((out[:3].argmax(1) == Y[:3]).double().mean())))

    _, record = metric(watch, evaluate)
    assert (record["dim"], record["classes_dim"]) == (0, 1)
    assert (record["value"], record["correct_value"]) == pytest.approx(seen[-1])


def test_a_table_of_comparisons_is_seen(watch):
    seen = []

    def evaluate(out):
        table = out.argmax(1, keepdim=True) == Y
        seen.append((table.sum().item() / len(Y), float((out.argmax(1) == Y).double().mean())))

    _, record = metric(watch, evaluate)
    assert record["broadcast"] is True
    assert (record["prediction_shape"], record["target_shape"]) == ([60, 1], [60])
    assert (record["value"], record["correct_value"]) == pytest.approx(seen[-1])


@pytest.mark.parametrize(
    ("evaluate", "right"),
    [
        (lambda out: ((out > 0) == B.bool()).sum(), True),
        (lambda out: ((out > 0.5).float() == B).sum(), False),
        (lambda out: (out.sigmoid().round() == B).sum(), True),
        (lambda out: (out.round() == B).sum(), False),
    ],
)
def test_thresholds_are_held_against_what_the_loss_takes(watch, evaluate, right):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(6, 1)

        def forward(self, x):
            return self.layer(x)[:, 0] - 0.4

    _, record = metric(
        watch, evaluate, make=Net, loss_of=lambda out: functional.binary_cross_entropy_with_logits(out, B)
    )
    assert record["op"] in ("gt", "round")
    assert record["correct_value"] is not None
    assert (record["value"] == pytest.approx(record["correct_value"])) == right


def test_a_loss_by_hand_scores_the_pass(watch):
    run = watch(lambda: fit(lambda out: (out - X[:, :3]).pow(2).mean()), probes=False)
    assert run.get("evaluations")[0]["scored"] == "compare"
    assert run.get("metrics") is None


def test_modes_of_the_user_are_left_in_order(watch):
    def evaluate(out):
        (out.argmax(1) == Y).sum()

    inside = []

    def train():
        with torch.device("cpu"):
            fit(evaluate)
            inside.append(torch._C._len_torch_function_stack())
        inside.append(torch._C._len_torch_function_stack())

    watch(train, probes=False)
    assert inside == [2, 1]  # the device and the window, then the window alone


def test_what_netvet_computes_itself_is_not_taken_for_the_scripts_work(watch):
    run = watch(lambda: fit(lambda out: functional.cross_entropy(out, Y)), probes=False)
    assert run.get("metrics") is None
    assert run.get("evaluations")[0]["accuracy"] is not None


def test_counts_the_targets_that_predictions_are_compared_with(watch):
    _, seen = metric(watch, lambda out: (out.argmax(1) == Y).sum().item())
    assert seen["target_counts"] == Y.bincount().tolist()


def test_labels_are_counted_where_the_script_compares_them_later(watch):
    x = torch.arange(40.0)[:, None]

    def run():
        model = nn.Linear(1, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=1e-6)
        for _ in range(2):
            nn.functional.binary_cross_entropy_with_logits(model(x), (x > 30).float()).backward()
            optimizer.step()
            with torch.no_grad():
                said = [model(part) > 100.0 for part in x.split(10)]
                (torch.cat(said) == (x > 30)).float().mean()

    (record,) = watch(run).get("predicted_labels")
    assert (record["op"], record["phase"], record["counts"]) == ("gt", "train-mode-no-grad", [40, 0])
