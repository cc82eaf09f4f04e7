"""`netvet.watch` in loops and notebooks: what it sees, and that nothing of it stays behind."""

import gc
import os
import threading
import weakref

import pytest
import torch
import torch._dynamo  # puts its own in the place of torch.manual_seed when it is first imported
from torch import nn
from torch.nn import functional
from torch.nn.functional import cross_entropy
from torch.nn.utils import clip_grad_norm_
from torch.optim import optimizer as optimizers

import netvet
from netvet.core import NetvetError
from netvet.store import Run


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    torch.set_num_threads(1)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    netvet.watch(nn.Linear(1, 1), quiet=True, probes=False).close()  # whatever a test left open


def net(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 3))


def batches(count):
    generator = torch.Generator().manual_seed(1)
    for _ in range(count):
        x = torch.randn(16, 4, generator=generator)
        yield x, x[:, :3].argmax(1)


def train(model, optimizer, steps=12, loss=functional.cross_entropy, last=lambda x: x):
    for x, y in batches(steps):
        value = loss(last(model(x)), y)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()


def watched(model, optimizer=None, **options):
    return netvet.watch(model, optimizer, **{"quiet": True, "probes": False, "every": 1, **options})


def names(run):
    return {f.check.name for f in run.findings}


def torch_functions():
    """What watch stands in for, and the hooks that it sets."""
    return (
        nn.Module.__call__, nn.Module.__init__, nn.Module.zero_grad, nn.Module.train, torch.autograd.backward,
        functional.cross_entropy, nn.utils.clip_grad_norm_, torch.optim.Optimizer.__init__, torch.save,
        torch.manual_seed, torch.optim.lr_scheduler.StepLR.step, torch.utils.data.DataLoader.__iter__,
        torch.Tensor.fill_, nn.init.zeros_, cross_entropy, clip_grad_norm_,
        len(optimizers._global_optimizer_pre_hooks), len(optimizers._global_optimizer_post_hooks),
    )  # fmt: skip


def test_a_fault_is_found_and_everything_is_as_before(capsys):
    before, model = torch_functions(), net()
    optimizer = torch.optim.Adam(model.parameters())
    with netvet.watch(model, optimizer) as run:
        assert torch_functions() != before
        train(model, optimizer, last=lambda x: x.softmax(1))
    assert torch_functions() == before
    assert "double-softmax" in names(run)
    assert run.closed
    assert run.steps == 12
    assert "Training is wrong: double softmax" in capsys.readouterr().out
    assert run.path.is_relative_to(os.path.join(os.getcwd(), ".netvet", "runs"))


def test_training_is_the_same_to_the_last_bit():
    def twin(watch):
        model = net()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        if watch:
            with netvet.watch(model, optimizer, quiet=True, deep=True):
                train(model, optimizer)
        else:
            train(model, optimizer)
        return [*model.parameters(), torch.random.get_rng_state()]

    assert all(torch.equal(a, b) for a, b in zip(twin(True), twin(False), strict=True))


@pytest.mark.parametrize("error", [ValueError("mine"), KeyboardInterrupt(), SystemExit(3)])
def test_an_exception_passes_unchanged_and_the_taps_are_out(error):
    before, model = torch_functions(), net()
    with pytest.raises(type(error)) as raised, watched(model) as run:  # noqa: PT012
        train(model, torch.optim.SGD(model.parameters(), lr=0.1), 3)
        raise error
    assert raised.value is error
    assert torch_functions() == before
    (record,) = Run.open(run.path).get("run")
    assert record["ended"] == {"ValueError": "exception", "KeyboardInterrupt": "interrupt"}.get(
        type(error).__name__, "exit"
    )
    assert run.steps == 3


def test_what_is_watched_already_gives_the_same_run():
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    run = watched(model, optimizer)
    assert watched(model, optimizer) is run
    train(model, optimizer, 4)
    run.close()
    run.close()
    assert (run.steps, run.closed) == (4, True)
    again = watched(model, optimizer)
    assert again is not run
    again.close()


def test_the_run_is_exported_when_it_ends_even_by_an_error(place, capsys):
    model = net()
    run = watched(model, export=["jsonl=run.jsonl", "csv=run.jsonl/in-a-file"])
    train(model, torch.optim.SGD(model.parameters(), lr=0.1))
    run.__exit__(ZeroDivisionError, ZeroDivisionError(), None)
    assert '"kind": "value"' in (place / "run.jsonl").read_text()
    assert "netvet: error: cannot export to run.jsonl/in-a-file" in capsys.readouterr().err


def test_a_cell_that_is_run_again_closes_the_run_before_it():
    first, second = net(), net()
    run = watched(first)
    assert repr(run) == f"<netvet run {run.path.name}: open, 0 steps>"
    later = watched(second)
    assert run.closed
    assert not later.closed
    later.close()


def test_another_model_inside_a_with_block_is_one_clear_error():
    with watched(net()) as run, pytest.raises(NetvetError, match=r"only one training .* watch\(\[a, b\]\)"):
        watched(net())
    assert run.closed


def test_nothing_of_a_dead_model_stays_alive_over_many_runs_of_a_cell():
    before, alive, runs = torch_functions(), [], []
    for number in range(20):
        model = net(number)
        optimizer = torch.optim.Adam(model.parameters())
        runs.append(watched(model, optimizer, probes=number == 0))
        train(model, optimizer, 3)
        alive += [weakref.ref(model), weakref.ref(model[0].weight), weakref.ref(optimizer)]
    runs[-1].close()
    del model, optimizer
    gc.collect()
    assert [ref() for ref in alive if ref() is not None] == []
    assert torch_functions() == before
    assert all(run.closed for run in runs)
    assert sum(t.name == "netvet-store" for t in threading.enumerate()) == 0


def test_numbers_of_the_users_own_are_kept_and_bad_ones_told_of():
    class Hostile:
        def __float__(self):
            raise ZeroDivisionError

    model = net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watched(model, optimizer) as run:
        for step in range(3):
            run.log(reward=step, score=torch.tensor(0.5), nothing=float("nan"))
            train(model, optimizer, 1)
        run.log(reward=None, text="high", many=torch.zeros(2), hostile=Hostile())
    run.log(reward=9)
    metric = Run.open(run.path).get("metric")
    assert metric["reward"].values.tolist() == [0, 1, 2]
    assert metric["score"].steps.tolist() == [0, 1, 2]
    assert set(metric) == {"reward", "score", "nothing"}
    told = " ".join(run._problems)
    assert all(f"run.log: {name} was left out" in told for name in ("reward", "text", "many", "hostile"))


def test_functions_that_were_imported_by_name_before_are_seen_too():
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watched(model, optimizer, loss=cross_entropy) as run:
        for x, y in batches(5):
            loss = cross_entropy(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
    stored = Run.open(run.path)
    assert [r["function"] for r in stored.get("losses")] == ["cross_entropy"]
    assert len(stored.get("clips")) == 1
    assert stored.get("run")[0]["loss"] == "cross_entropy"


def test_an_optimizer_and_a_schedule_that_were_made_before_are_known():
    model = net()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 100)
    with watched(model) as run:
        train(model, optimizer, 3)
        scheduler.step()
    stored = Run.open(run.path)
    (record,) = stored.get("optimizers")
    assert (record["name"], record["steps"], len(record["parameters"])) == ("AdamW", 3, 4)
    assert [r["cls"] for r in stored.get("schedulers")] == ["StepLR"]
    assert "seeds that were set before" in stored.reason("seeds")


def test_only_the_optimizer_that_was_given_counts():
    model, other = net(), net(1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watched(model, optimizer) as run:
        train(model, optimizer, 2)
        train(other, torch.optim.Adam(other.parameters()), 5)
    assert run.steps == 2
    assert set(Run.open(run.path).get("lr")) == {"SGD/0"}


def test_several_models_can_have_names():
    models = {"generator": net(), "critic": net(1)}
    with watched(models) as run:
        for model in models.values():
            train(model, torch.optim.SGD(model.parameters(), lr=0.1), 2)
    found = {p["model"] for p in Run.open(run.path).get("parameters")}
    assert found == {"generator", "critic"}


class Plain:
    """An optimizer that is none of PyTorch's."""

    def __init__(self, parameters, lr):
        self.parameters, self.lr = list(parameters), lr

    def zero_grad(self):
        for p in self.parameters:
            p.grad = None

    def step(self):
        with torch.no_grad():
            for p in self.parameters:
                p -= self.lr * p.grad


def test_optimizers_of_another_kind_are_watched_at_their_step():
    model, step = net(), Plain.step
    optimizer = Plain(model.parameters(), 0.25)
    with watched(model, optimizer) as run:
        train(model, optimizer, 6)
    assert Plain.step is step
    stored = Run.open(run.path)
    assert run.steps == 6
    assert stored.get("lr")["Plain/0"].values.tolist() == [0.25] * 6
    assert all((s.values > 0).all() for s in stored.get("update_ratio").values())
    assert {f.check.name for f in run.findings if f.severity != "note"} == set()


@pytest.mark.parametrize("block", [True, False])
def test_updates_by_hand_are_told_with_step(block):
    model = net()

    def update():
        with torch.no_grad():
            for p in model.parameters():
                p -= 0.2 * p.grad

    with watched(model) as run:
        for x, y in batches(6):
            model.zero_grad()
            functional.cross_entropy(model(x), y).backward()
            if block:
                with run.step():
                    update()
            else:
                run.step()
                update()
    stored = Run.open(run.path)
    assert run.steps == 6
    assert len(next(iter(stored.get("loss").values()))) == 6
    assert all((s.values > 0).all() for s in stored.get("update_ratio").values())
    assert {f.check.name for f in run.findings if f.severity != "note"} == set()


def test_going_on_with_trained_weights_is_not_taken_for_a_start():
    model = net()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    train(model, optimizer, 300)
    with watched(model, optimizer, probes=True) as run:
        train(model, optimizer, 20)
    assert all(p["loaded"] for p in Run.open(run.path).get("parameters"))
    assert {f.check.name for f in run.findings if f.severity != "note"} == set()


def test_a_loop_in_a_generator_ends_with_it():
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    runs = []

    def loop():
        with watched(model, optimizer) as run:
            runs.append(run)
            while True:
                train(model, optimizer, 1)
                yield

    steps = loop()
    next(steps), next(steps)
    del steps
    gc.collect()
    assert runs[0].closed
    assert Run.open(runs[0].path).get("run")[0]["ended"] == "ok"


def test_other_threads_train_undisturbed():
    model, other = net(), net(1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watched(model, optimizer) as run:
        thread = threading.Thread(target=train, args=(other, torch.optim.Adam(other.parameters())))
        thread.start()
        train(model, optimizer, 10)
        thread.join()
    assert run.steps == 10


@pytest.mark.parametrize(
    ("arguments", "options", "part"),
    [
        ((3,), {}, "expected an nn.Module, or a list or dict of them, got a int"),
        (([],), {}, "got none"),
        ((net(), 0.1), {}, "got a float, which has no step()"),
        ((net(), torch.optim.Adam), {}, "got the class Adam"),
        ((net(),), {"loss": "mse"}, "expected a function or module, got a str"),
        ((net(),), {"every": 0}, "expected a whole number of steps"),
        ((net(),), {"overhead": "much"}, 'such as 0.01 or "1%"'),
        ((net(),), {"overhead": 2}, "expected a share"),
        ((net(),), {"stop_on": "fatal"}, "expected one of error, warning, note, never"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_nothing(arguments, options, part):
    before = torch_functions()
    with pytest.raises(NetvetError) as raised:
        netvet.watch(*arguments, **options)
    assert part in str(raised.value)
    assert "\n" not in str(raised.value)
    assert torch_functions() == before


def test_a_store_that_cannot_be_written_is_one_line(place):
    (place / "file").write_text("")
    before = torch_functions()
    with pytest.raises(NetvetError, match="cannot store a run"):
        watched(net(), store=place / "file" / "runs")
    assert torch_functions() == before


def test_the_report_in_a_notebook_is_escaped():
    model = net()
    with watched({"<b>net</b>": model}, probes=True) as run:
        train(model, torch.optim.SGD(model.parameters(), lr=0.1), last=lambda x: x.softmax(1))
    page = run._repr_mimebundle_()["text/html"]
    assert page.startswith("<iframe srcdoc=")
    assert "<b>" not in page
    assert "double-softmax" in page


def test_a_beginning_that_fails_leaves_nothing(monkeypatch):
    before = torch_functions()
    monkeypatch.setenv("NETVET_DEBUG", "1")
    monkeypatch.setattr("netvet.capture.torch_watching.adopt", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        watched(net())
    assert torch_functions() == before
    monkeypatch.undo()
    with watched(net()) as run:
        pass
    assert run._problems[-1].startswith("no training step was seen")
