"""Fixes that find the evaluation: early stopping, averages over samples, weights put back; gradients accumulated."""

import pytest

from netvet.fixes.source import Editor, NotApplicable, Sources
from tests.fixes.code import Code

CALLED = """
    import torch
    from torch import nn
    def evaluate(model, loader):
        model.eval()
        total, correct = 0.0, 0
        with torch.no_grad():
            for x, y in loader:
                out = model(x)
                total += criterion(out, y).item() * len(y)  # scored
                correct += (out.argmax(1) == y).sum().item()  # compared
        return total / len(loader.dataset), correct / len(loader.dataset)
    def main(epochs):
        train_loader = torch.utils.data.DataLoader(data, batch_size=8)  # train made
        model = nn.Linear(4, 2)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)  # made
        for epoch in range(epochs):  # loop
            for x, y in train_loader:  # batches
                optimizer.zero_grad()
                loss = criterion(model(x), y)
                loss.backward()
                optimizer.step()
            val, acc = evaluate(model, val_loader)
            print(epoch, val, acc)
    """
INLINE = """
    import torch
    model = torch.nn.Linear(4, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)  # made
    for step in range(500):  # loop
        loss = criterion(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 10 == 0:
            model.eval()
            with torch.no_grad():
                val_loss = criterion(model(x_val), y_val).item()  # scored
            best = min(best, val_loss)
            print(val_loss)
            model.train()
    """


def facts_of(code, **more):
    """Of a program whose evaluation is marked."""
    scored = code.at("# scored")
    return {
        "losses": [{"phase": "eval", "reduction": "mean", **scored}],
        "evaluations": [{"step": i, "model": "Linear", **scored} for i in range(50)],
        "optimizers": [{"name": "SGD", "cls": "SGD", **code.at("# made"), **code.at("optimizer.step()", "step_")}],
        "backwards": [{**code.at(".backward()"), **code.at("# loop", "loop_")}],
        "events": [{"kind": "zero_grad", **code.at("zero_grad()")}],
    } | more


def test_run_stops_by_the_loss_and_then_by_the_accuracy_that_a_function_returns(tmp_path):
    code = Code(tmp_path, CALLED)
    by_loss, by_accuracy = code.patches(
        "early-stopping", **facts_of(code, metrics=[{"phase": "eval", **code.at("# compared")}])
    )
    kept = "    best_state = copy.deepcopy(model.state_dict())\n"
    assert f'    best_loss, waited = float("inf"), 0\n{kept}    for epoch' in by_loss
    assert """        print(epoch, val, acc)
        if val < best_loss:
            best_loss, waited = val, 0
            best_state = copy.deepcopy(model.state_dict())
        else:
            waited += 1
            if waited == 5:
                break
    model.load_state_dict(best_state)
    val, acc = evaluate(model, val_loader)
    print("best weights:", val)
""" in by_loss  # fmt: skip
    assert by_loss.startswith("import copy\n\nimport torch\nfrom torch import nn\n")
    assert "if acc > best_accuracy:" in by_accuracy


def test_loss_in_the_loop_is_found_beside_the_best_that_is_kept(tmp_path):
    code = Code(tmp_path, INLINE)
    (text,) = code.patches("early-stopping", **facts_of(code))
    assert """        model.train()
        if val_loss < best_loss:
""" in text  # fmt: skip
    assert text.endswith('print("best weights:", val_loss)\n')
    assert "waited == 5:\n                break\nmodel.load_state_dict(best_state)\n" in text


def test_loss_that_is_computed_at_two_places_is_not_chosen_from(tmp_path):
    code = Code(tmp_path, INLINE)
    losses = [{"phase": "eval", **code.at("# scored")}, {"phase": "eval", **code.at("print(")}]
    with pytest.raises(NotApplicable, match="several places"):
        code.patches("early-stopping", **facts_of(code, losses=losses))


def test_evaluation_of_training_samples_is_not_taken_for_that_of_others(tmp_path):
    twice = CALLED.replace("val, acc =", "seen, _ = evaluate(model, train_loader)\n            val, acc =")
    code = Code(tmp_path, twice)
    with pytest.raises(NotApplicable, match="held-out"):
        code.patches("early-stopping", **facts_of(code))


def test_gradients_of_several_batches_are_added_up(tmp_path):
    code = Code(tmp_path, CALLED)
    loader = {"batches": 9, **code.at("# batches")}
    four, sixteen = code.patches("accumulate", **facts_of(code, loaders=[loader]))
    assert "for batch, (x, y) in enumerate(train_loader, start=1):" in four
    assert "if batch % 4 == 0 or batch == len(train_loader):\n                optimizer.step()\n" in four
    assert "                optimizer.step()\n                optimizer.zero_grad()\n" in four
    assert four.count("zero_grad()") == 1
    assert "(loss / 16).backward()" in sixteen


def test_counter_of_the_loop_is_used(tmp_path):
    code = Code(tmp_path, INLINE.replace("range(500)", "range(1, 501)"))
    text = code.patches("accumulate", **facts_of(code))[0]
    assert "    if step % 4 == 0:\n        optimizer.step()\n        optimizer.zero_grad()\n    if step % 10" in text


def test_gradients_are_not_accumulated_twice_or_against_a_schedule(tmp_path):
    code = Code(tmp_path, CALLED)
    with pytest.raises(NotApplicable, match="already"):
        code.patches("accumulate", **facts_of(code, accumulation=[{"micro_batches": 4}]))
    with pytest.raises(NotApplicable, match="schedule"):
        code.patches("accumulate", **facts_of(code, schedulers=[{"per": "batch"}]))


MEANS = """
    def evaluate(model, loader):
        total, accuracy, n = 0.0, 0.0, 0
        for i, (x, y) in enumerate(loader):  # loop
            out = model(x)  # called
            loss = criterion(out, y)  # scored
            total += loss.item()
            accuracy += (out.argmax(1) == y).float().mean().item()
            n += 1
        return total / len(loader), accuracy / n
    """


def uneven(code):
    evaluation = {"first_batch": 8, "last_batch": 3, "batches": 4, "samples": 27, **code.at("# called")}
    return {"evaluations": [evaluation], "losses": [{"phase": "eval", "reduction": "mean", **code.at("# scored")}]}


def test_batches_of_an_evaluation_are_weighed(tmp_path):
    code = Code(tmp_path, MEANS)
    assert code.changed("weigh-batches", **uneven(code))[1] == [
        "total += loss.item() * len(y)",
        "accuracy += (out.argmax(1) == y).float().mean().item() * len(y)",
        "n += len(y)",
        "return total / len(loader.dataset), accuracy / n",
    ]


def test_counter_of_batches_is_named_after_what_it_counts(tmp_path):
    code = Code(
        tmp_path,
        MEANS.replace("n += 1", "n_batches += 1").replace("/ n", "/ n_batches").replace(", n =", ", n_batches ="),
    )
    assert [line for line in code.changed("weigh-batches", **uneven(code))[1] if "samples" in line] == [
        "total, accuracy, samples = 0.0, 0.0, 0",
        "samples += len(y)",
        "return total / len(loader.dataset), accuracy / samples",
    ]


def test_sums_over_samples_are_left(tmp_path):
    code = Code(tmp_path, MEANS.replace("loss.item()", "loss.item() * len(y)").replace(".mean()", ".sum()"))
    with pytest.raises(NotApplicable, match="no means"):
        code.patches("weigh-batches", **uneven(code))
    code = Code(tmp_path, MEANS.replace("total / len(loader)", "total"))
    with pytest.raises(NotApplicable, match="divided by"):
        code.patches("weigh-batches", **uneven(code))


REWARDS = """
    import torch
    loss = -(choice.log_prob(action) * reward).mean()
    loss.backward()
    """


def test_mean_reward_is_subtracted(tmp_path):
    code = Code(tmp_path, REWARDS)
    plain, scaled = code.patches("baseline", backwards=[code.at(".backward()")])
    loss = "loss = -(choice.log_prob(action) * advantages).mean()"
    assert f"advantages = reward - reward.mean()\n{loss}" in plain
    assert f"advantages = (reward - reward.mean()) / (reward.std() + 1e-8)\n{loss}" in scaled
    code = Code(tmp_path, REWARDS.replace("loss =", "reward = gain - value\n    loss ="))
    with pytest.raises(NotApplicable, match="already"):
        code.patches("baseline", backwards=[code.at(".backward()")])


def test_reward_of_one_step_is_not_its_own_baseline(tmp_path):
    code = Code(tmp_path, """
        loss = torch.stack([-d.log_prob(a) * r for d, a, r in steps]).sum()
        loss.backward()
        """)  # fmt: skip
    with pytest.raises(NotApplicable, match="one step"):
        code.patches("baseline", backwards=[code.at(".backward()")])


@pytest.mark.parametrize(
    ("head", "new"),
    [
        ("import torch\n", "import copy\n\nimport torch\n"),
        ('"""Trains."""\n\nimport torch\n', '"""Trains."""\n\nimport copy\n\nimport torch\n'),
        ("import math\n\nimport torch\n", "import copy\nimport math\n\nimport torch\n"),
        ("import argparse\n\nimport torch\n", "import argparse\nimport copy\n\nimport torch\n"),
    ],
)
def test_module_of_the_standard_library_is_imported_among_its_kind(tmp_path, head, new):
    (tmp_path / "train.py").write_text(head)
    sources = Sources(tmp_path)
    editor = Editor(sources)
    editor.require(sources.file("train.py"), "copy", "import copy")
    assert list(editor.patch().texts.values()) == [new]


def test_dropout_of_a_function_is_told_of_training(tmp_path):
    code = Code(tmp_path, """
        import torch.nn.functional as F
        class Net(Module):
            def forward(self, x):
                x = self.dropout(F.dropout(x, 0.5))  # first
                return F.dropout(x, 0.5, self.training) + F.dropout(x, training=True)
        """)  # fmt: skip
    assert code.changed("pass-training", eval_repeat=[{"op": "dropout", **code.at("# first")}])[1] == [
        "x = self.dropout(F.dropout(x, 0.5, training=self.training))  # first",
        "return F.dropout(x, 0.5, self.training) + F.dropout(x, training=self.training)",
    ]
    with pytest.raises(NotApplicable, match="as a function"):
        code.patches("pass-training")


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (CALLED, ["val, acc = evaluate(model, val_loader)"]),
        (INLINE, ["with torch.no_grad():", "    val_loss = criterion(model(x_val), y_val).item()  # scored"]),
    ],
    ids=["called", "inline"],
)
def test_weights_are_put_back_after_an_evaluation_that_changes_them(tmp_path, text, lines):
    code = Code(tmp_path, text)
    changed = {"model": "Linear", "parameters_changed": ["weight"]}
    scored = code.at("out = model(x)") if text is CALLED else code.at("# scored")
    (patched,) = code.patches(
        "pure-evaluation",
        evaluations=[{**changed, **scored}],
        calls=[{"phase": "train", "model": "Linear", **code.at("criterion(model(x), y)")}],
    )
    found = [line.strip() for line in patched.splitlines()]
    first, last = found.index(lines[0].strip()), found.index(lines[-1].strip())
    assert found[first - 1] == "before_evaluation = copy.deepcopy(model.state_dict())"
    assert found[last + 1] == "model.load_state_dict(before_evaluation)"
    assert "import copy" in found
    compile(patched, "train.py", "exec")


def test_weights_are_not_put_back_where_the_evaluation_leaves_the_loop(tmp_path):
    code = Code(tmp_path, INLINE.replace("# scored\n", "# scored\n                if val_loss < 0.1: break\n"))
    with pytest.raises(NotApplicable, match="leaves the loop"):
        code.patches(
            "pure-evaluation",
            evaluations=[{"model": "Linear", "buffers_changed": ["mean"], **code.at("# scored")}],
            calls=[{"phase": "train", "model": "Linear", **code.at("criterion(model(x), y)")}],
        )
