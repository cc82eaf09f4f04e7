"""The taps see what a script does, and leave PyTorch and the script's objects as they were."""

import copy
import pickle

import pytest
import torch
import torch.nn.functional as functional
from torch import nn

X = torch.randn(64, 8, generator=torch.Generator().manual_seed(1))
Y = (X[:, 0] > 0).long()


def net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 2))


def steps(model, optimizer, count=12):
    for _ in range(count):
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(X), Y)
        loss.backward()
        optimizer.step()
    return loss.item()


def test_every_replaced_attribute_is_put_back(watch):
    places = [
        (nn.Module, "__call__"), (nn.Module, "__init__"), (functional, "cross_entropy"),
        (torch.autograd, "backward"), (torch.nn.utils, "clip_grad_norm_"), (torch.optim.Optimizer, "zero_grad"),
        (torch, "manual_seed"), (torch, "save"),
    ]  # fmt: skip
    before = [vars(owner).get(name) for owner, name in places]
    model = net()
    watch(lambda: steps(model, torch.optim.Adam(model.parameters())))
    assert [vars(owner).get(name) for owner, name in places] == before
    assert torch._C._len_torch_function_stack() == 0


def test_the_model_is_left_without_hooks_and_pickles(watch):
    model = net()
    watch(lambda: steps(model, torch.optim.Adam(model.parameters())))
    assert all(not m._forward_hooks and not m._forward_pre_hooks and not m._backward_hooks for m in model.modules())
    pickle.loads(pickle.dumps(model))


def test_the_model_pickles_and_copies_while_it_is_watched(watch):
    model = net()

    def train():
        optimizer = torch.optim.Adam(model.parameters())
        for _ in range(5):
            steps(model, optimizer, 1)
            pickle.loads(pickle.dumps(model))
            copy.deepcopy(model)(X)

    watch(train)


def test_training_is_bitwise_the_same(watch):
    def train():
        model = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 2))
        losses.append(steps(model, torch.optim.Adam(model.parameters(), lr=1e-2), 30))
        losses.append(torch.cat([p.detach().flatten() for p in model.parameters()]))
        losses.append(torch.get_rng_state())

    losses: list = []
    torch.manual_seed(3)
    train()
    torch.manual_seed(3)
    watch(train)
    assert losses[0] == losses[3]
    assert torch.equal(losses[1], losses[4])
    assert torch.equal(losses[2], losses[5])


def test_loss_and_rate_of_each_step_are_recorded(watch):
    model = net()
    run = watch(lambda: steps(model, torch.optim.SGD(model.parameters(), lr=0.1)))
    (loss,) = run.get("loss").values()
    assert len(loss) == 12
    assert loss.values[0] == pytest.approx(functional.cross_entropy(net()(X), Y).item())
    assert set(run.get("lr")) == {"SGD/0"}


def test_gradient_norm_is_that_of_a_naive_reference(watch):
    model, norms = net(), []

    def train():
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(5):
            optimizer.zero_grad()
            functional.cross_entropy(model(X), Y).backward()
            norms.append(sum(float((p.grad.double() ** 2).sum()) for p in model.parameters()) ** 0.5)
            optimizer.step()

    run = watch(train)
    assert run.get("grad_norm")["SGD"].values == pytest.approx(norms, rel=1e-5)


def test_gradients_before_clipping_are_recorded_and_an_exhausted_generator_is_seen(watch):
    model = net()

    def train():
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(5):
            optimizer.zero_grad()
            functional.cross_entropy(model(X), Y).backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1e-3)
            optimizer.step()

    run = watch(train)
    (clip,) = run.get("clips")
    assert clip["clipped"] == 5
    assert clip["covers"] == 1
    assert clip["position"] == "ok"
    assert run.get("grad_norm")["SGD"].values == pytest.approx([1e-3] * 5, rel=1e-2)
    assert (run.get("grad_norm_before_clip")["SGD"].values > 0.01).all()


def test_clipping_by_value_tells_how_much_shorter_the_gradient_became(watch):
    model = net()

    def train(limit):
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(5):
            optimizer.zero_grad()
            functional.cross_entropy(model(X), Y).backward()
            torch.nn.utils.clip_grad_value_(model.parameters(), limit)
            optimizer.step()

    (tight,) = watch(lambda: train(1e-5)).get("clips")
    assert tight["clipped"] == 5
    assert tight["shortened"] > 10
    assert tight["norm_median"] > 0.01
    (loose,) = watch(lambda: train(10.0)).get("clips")
    assert loose["clipped"] == 0
    assert loose["shortened"] == pytest.approx(1.0)


def test_uncleared_gradients_are_told_from_cleared_ones(watch):
    model = net()

    def train():
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
        for _ in range(6):
            functional.cross_entropy(model(X), Y).backward()
            optimizer.step()
        for _ in range(6):
            for p in model.parameters():
                p.grad = None
            functional.cross_entropy(model(X), Y).backward()
            optimizer.step()

    (record,) = watch(train).get("gradient_resets")
    assert (record["intervals"], record["not_reset"]) == (11, 5)


def test_a_closure_is_no_missing_clearing(watch):
    model = net()

    def train():
        optimizer = torch.optim.LBFGS(model.parameters(), max_iter=4)

        def closure():
            optimizer.zero_grad()
            loss = functional.cross_entropy(model(X), Y)
            loss.backward()
            return loss

        for _ in range(4):
            optimizer.step(closure)

    (record,) = watch(train).get("gradient_resets")
    assert record["not_reset"] == 0


def test_a_script_without_an_optimizer_is_clocked_by_its_backward_calls(watch):
    model = net()

    def train():
        for _ in range(100):
            model.zero_grad()
            functional.cross_entropy(model(X), Y).backward()
            with torch.no_grad():
                for p in model.parameters():
                    p -= 0.1 * p.grad

    run = watch(train)
    (loss,) = run.get("loss").values()
    assert len(loss) == 100
    assert loss.values[-1] < loss.values[0]


def test_a_compiled_model_gets_no_graph_breaks_and_no_further_graphs(watch):
    from torch._dynamo.utils import counters

    def train():
        torch._dynamo.reset()
        counters.clear()
        model = torch.compile(net(), backend="eager")
        steps(model, torch.optim.Adam(model.parameters(), lr=1e-2))
        seen.append((counters["stats"]["unique_graphs"], sum(counters["graph_break"].values())))

    seen: list = []
    train()
    watch(train)
    assert seen[1] == seen[0]


def test_parameter_names_are_the_users_own_also_behind_wrappers(watch):
    model = net()
    compiled = torch.compile(model, backend="eager")
    run = watch(lambda: steps(compiled, torch.optim.Adam(compiled.parameters())))
    assert [p["name"] for p in run.get("parameters")] == [name for name, _ in model.named_parameters()]


def test_a_loss_kept_with_its_graph_is_counted(watch):
    model = net()

    def train():
        optimizer, total = torch.optim.SGD(model.parameters(), lr=0.1), 0.0
        for _ in range(40):
            optimizer.zero_grad()
            loss = functional.cross_entropy(model(X), Y)
            loss.backward()
            optimizer.step()
            total = total + loss
        kept.append(total)

    kept: list = []
    assert watch(train).get("live_graphs").values[-1] == 40


def test_outputs_kept_with_their_graphs_are_counted(watch):
    model = net()

    def train(keep):
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(40):
            optimizer.zero_grad()
            output = model(X)
            functional.cross_entropy(output, Y).backward()
            optimizer.step()
            kept.append(keep(output))

    kept: list = []
    assert watch(lambda: train(lambda output: output)).get("live_outputs").values[-1] >= 38
    assert watch(lambda: train(lambda output: output.detach())).get("live_outputs").values[-1] <= 1


def test_models_that_are_gone_are_not_kept_alive(watch):
    import weakref

    gone = []

    def train():
        for _ in range(3):
            model = net()
            steps(model, torch.optim.Adam(model.parameters()), 5)
            gone.append(weakref.ref(model))
            del model
            assert sum(ref() is not None for ref in gone) <= 1

    watch(train)


@pytest.mark.parametrize(("scale", "low", "high"), [(1e-6, 0.5, 1.0), (1.0, 0.0, 0.1)])
def test_float16_by_hand_is_seen_with_its_underflow(watch, scale, low, high):
    class Half(nn.Linear):
        def forward(self, x):
            return functional.linear(x.half(), self.weight.half(), self.bias.half())

    model = nn.Sequential(Half(8, 16), nn.Tanh(), Half(16, 2))

    def train():
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(5):
            optimizer.zero_grad()
            (functional.cross_entropy(model(X).float(), Y) * scale).backward()
            optimizer.step()

    (record,) = watch(train).get("precision")
    assert record["half_without_scaler"] is True
    assert low <= record["underflow_share"] <= high


class _Own(torch.optim.lr_scheduler.StepLR):
    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict)


@pytest.mark.parametrize(
    "make",
    [
        lambda o: torch.optim.lr_scheduler.LambdaLR(o, lambda _: 1.0),
        lambda o: torch.optim.lr_scheduler.ReduceLROnPlateau(o),
        lambda o: torch.optim.lr_scheduler.StepLR(o, 5),
        lambda o: torch.optim.lr_scheduler.ChainedScheduler([torch.optim.lr_scheduler.StepLR(o, 5)]),
        lambda o: _Own(o, 5),
    ],
)
def test_the_loaded_state_of_each_kind_of_scheduler_is_seen_once(watch, make):
    def script():
        model = nn.Linear(3, 2)
        optimizer = torch.optim.SGD(model.parameters(), 0.1)
        scheduler = make(optimizer)
        scheduler.load_state_dict(scheduler.state_dict())
        model(torch.ones(1, 3)).sum().backward()
        optimizer.step()

    (record,) = watch(script).get("checkpoints")
    assert (record["kind"], record["keys"]) == ("load_state_dict", ["scheduler"])
    assert not hasattr(_Own.load_state_dict, "__wrapped__")
