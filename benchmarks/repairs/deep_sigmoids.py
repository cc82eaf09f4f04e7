# source: sigmoid in the hidden layers of a deep net; activations are the most frequent fault of published benchmarks
# mend: activation=nn.Sigmoid -> activation=nn.ReLU
import torch
from sklearn.datasets import make_moons
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def build(depth=6, width=24, activation=nn.Sigmoid):
    layers = [nn.Linear(2, width), activation()]
    for _ in range(depth - 1):
        layers += [nn.Linear(width, width), activation()]
    return nn.Sequential(*layers, nn.Linear(width, 1))


def main():
    torch.manual_seed(0)
    torch.set_num_threads(1)
    x, y = make_moons(1500, noise=0.15, random_state=4)
    x = torch.tensor(x, dtype=torch.float32)
    y = torch.tensor(y, dtype=torch.float32)[:, None]
    train = DataLoader(TensorDataset(x[:1100], y[:1100]), batch_size=50, shuffle=True)
    net = build()
    bce = nn.BCEWithLogitsLoss()
    sgd = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    for epoch in range(20):
        net.train()
        for inputs, labels in train:
            sgd.zero_grad()
            loss = bce(net(inputs), labels)
            loss.backward()
            sgd.step()
        net.eval()
        with torch.no_grad():
            logits = net(x[1100:])
            hits = ((logits > 0).float() == y[1100:]).float().mean()
        print(f"epoch {epoch:2d}: loss {loss.item():.4f}, accuracy {hits.item():.4f}")


if __name__ == "__main__":
    main()
