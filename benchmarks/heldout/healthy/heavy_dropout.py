# healthy: a wide net with dropout of 0.7; the training loss stays above the validation loss, as it must
import argparse

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(64, 512)
        self.second = nn.Linear(512, 512)
        self.out = nn.Linear(512, 10)
        self.drop = nn.Dropout(0.7)

    def forward(self, x):
        x = self.drop(F.relu(self.first(x)))
        x = self.drop(F.relu(self.second(x)))
        return self.out(x)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    digits = load_digits()
    order = torch.randperm(len(digits.target), generator=torch.Generator().manual_seed(1))
    x = ((torch.tensor(digits.data) - 4.88) / 6.02).float()[order]
    y = torch.tensor(digits.target)[order]
    model = Net()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=1e-2)
    for epoch in range(1, 61):
        model.train()
        losses = []
        for pick in torch.randperm(1400).split(50):
            loss = F.cross_entropy(model(x[pick]), y[pick])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        if epoch % 6 == 0:
            model.eval()
            with torch.inference_mode():
                out = model(x[1400:])
                val = F.cross_entropy(out, y[1400:]).item()
                accuracy = (out.argmax(1) == y[1400:]).float().mean().item()
            print(f"epoch {epoch} train {sum(losses) / len(losses):.4f} val {val:.4f} accuracy {accuracy:.4f}")


if __name__ == "__main__":
    main()
