"""The same where there is no optimizer of PyTorch, or more than one."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from tests.capture.reference import Naive, tapped
from tests.capture.test_torch_situations import LAYERS, STEPS, batch, small


def test_no_torch_optimizer(watch):
    """Losses are all there, nothing is said of steps, and nothing fails."""
    model = small()
    losses = []

    class Own:
        def step(self):
            with torch.no_grad():
                for p in model.parameters():
                    p -= 0.1 * p.grad

    def train():
        for step in range(80):
            x, y = batch(step)
            model.zero_grad()
            loss = F.cross_entropy(model(x), y)
            loss.backward()
            Own().step()
            losses.append(loss.item())

    run = watch(train, probes=False)
    ((_, series),) = run.get("loss").items()
    assert series.values.tolist() == pytest.approx(losses)
    assert run.get("param_norm") is None
    assert run.get("grad_norm") is None


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of what the compiler itself imports
def test_a_compiled_step(closely):
    """The compiler does not look into netvet: as many graphs as without, no break more, and right numbers."""
    counts = []
    for watched in (False, True):
        torch._dynamo.reset()
        torch._dynamo.utils.counters.clear()
        model = small()
        naive = Naive(model.named_parameters())

        def train(model=model, naive=naive):
            optimizer = torch.optim.SGD(model.parameters(), 0.1)
            update = torch.compile(optimizer.step, backend="aot_eager")
            for step in range(STEPS):
                x, y = batch(step)
                optimizer.zero_grad()
                naive.hear(F.cross_entropy(model(x), y)).backward()
                with naive.step():
                    update()

        if watched:
            naive.check(closely(train))
        else:
            train()
        counters = torch._dynamo.utils.counters
        counts.append((counters["stats"]["unique_graphs"], sum(counters["graph_break"].values())))
    assert counts[1][0] == counts[0][0]
    assert counts[1][1] <= counts[0][1]


def test_optimizers_in_backward(closely):
    """One optimizer for each parameter, which steps as soon as its gradient is there."""
    model = small()
    naives = {n: Naive({n: p}) for n, p in model.named_parameters()}
    numbers = {n: [] for n in naives}
    count = [0]

    def train():
        optimizers = {p: torch.optim.SGD([p], 0.1) for p in model.parameters()}
        for name, p in model.named_parameters():

            def update(p, name=name):
                numbers[name].append(count[0])
                count[0] += 1
                with naives[name].step():
                    optimizers[p].step()
                p.grad = None

            p.register_post_accumulate_grad_hook(update)
        for step in range(STEPS):
            x, y = batch(step)
            F.cross_entropy(model(x), y).backward()

    run = closely(train)
    for name, naive in naives.items():
        for signal in ("param_norm", "param_std", "param_grad_norm", "update_ratio"):
            found = dict(zip(run.get(signal)[name].steps, run.get(signal)[name].values, strict=True))
            expected = {s: f[signal][name] for s, f in zip(numbers[name], naive.steps, strict=True)}
            assert found == pytest.approx(expected, rel=1e-4)


def test_two_optimizers(closely):
    """Of a GAN: when the generator steps, the discriminator has gradients too, which are not its own."""
    torch.manual_seed(0)
    generator, critic = nn.Sequential(nn.Linear(4, 6)), nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 1))
    of_critic = Naive(critic.named_parameters())
    of_generator = Naive({f"Sequential#2.{n}": p for n, p in generator.named_parameters()})

    def train():
        optimizers = torch.optim.SGD(critic.parameters(), 0.1), torch.optim.SGD(generator.parameters(), 0.1)
        for step in range(STEPS):
            real, noise = batch(step)[0], torch.randn(40, 4, generator=torch.Generator().manual_seed(step))
            optimizers[0].zero_grad()
            hooks = tapped(critic, of_critic, LAYERS)
            loss = critic(real)
            for hook in hooks:
                hook.remove()
            of_critic.hear(loss := (critic(generator(noise).detach()) - loss).mean()).backward()
            with of_critic.step():
                optimizers[0].step()
            optimizers[1].zero_grad()
            of_generator.hear(loss := -critic(generator(noise)).mean()).backward()
            with of_generator.step():
                optimizers[1].step()
            assert critic[0].weight.grad.norm() > 0

    run = closely(train)
    of_critic.check(run, at=range(0, 2 * STEPS, 2))
    of_generator.check(run, at=range(1, 2 * STEPS, 2))


def test_losses_of_one_place_for_one_model_after_another(closely):
    """Each has its own curve, in sleep too."""
    losses = []

    def train():
        models = [small(seed) for seed in range(2)]
        for model, optimizer in [(m, torch.optim.SGD(m.parameters(), 0.1)) for m in models]:
            for step in range(STEPS):
                x, y = batch(step)
                optimizer.zero_grad()
                loss = F.cross_entropy(model(x), y)
                loss.backward()
                optimizer.step()
                losses.append(loss.item())

    first, second = closely(train).get("loss").values()
    assert first.values.tolist() == pytest.approx(losses[:STEPS])
    assert second.values.tolist() == pytest.approx(losses[STEPS:])
