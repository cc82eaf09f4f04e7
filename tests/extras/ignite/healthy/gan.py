# healthy: generator and critic with an optimizer each in one step function of an engine
import torch
from ignite.engine import Engine, Events
from ignite.metrics import RunningAverage
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
angle = torch.randint(0, 4, (1024,)) * 1.5708
points = torch.stack([angle.cos(), angle.sin()], 1) + 0.1 * torch.randn(1024, 2)
loader = DataLoader(TensorDataset(points), batch_size=64, shuffle=True)

generator = nn.Sequential(nn.Linear(8, 32), nn.LeakyReLU(0.2), nn.Linear(32, 32), nn.LeakyReLU(0.2), nn.Linear(32, 2))
critic = nn.Sequential(nn.Linear(2, 32), nn.LeakyReLU(0.2), nn.Linear(32, 32), nn.LeakyReLU(0.2), nn.Linear(32, 1))
optimizer_g = torch.optim.Adam(generator.parameters(), lr=1e-3, betas=(0.5, 0.999))
optimizer_c = torch.optim.Adam(critic.parameters(), lr=1e-3, betas=(0.5, 0.999))
bce = nn.BCEWithLogitsLoss()


def update(engine, batch):
    (real,) = batch
    ones, zeros = torch.ones(len(real), 1), torch.zeros(len(real), 1)
    fake = generator(torch.randn(len(real), 8))

    optimizer_c.zero_grad()
    loss_c = bce(critic(real), ones) + bce(critic(fake.detach()), zeros)
    loss_c.backward()
    optimizer_c.step()

    optimizer_g.zero_grad()
    loss_g = bce(critic(fake), ones)
    loss_g.backward()
    optimizer_g.step()
    return {"critic": loss_c.item(), "generator": loss_g.item()}


trainer = Engine(update)
for name in ("critic", "generator"):
    RunningAverage(output_transform=lambda losses, name=name: losses[name]).attach(trainer, name)


@trainer.on(Events.EPOCH_COMPLETED(every=5))
def show(engine):
    print(engine.state.epoch, engine.state.metrics)


trainer.run(loader, max_epochs=15)
