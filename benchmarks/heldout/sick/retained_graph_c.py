# expect: retained-graph
# note: the loss tensor itself, with its graph, is put into the history of every step; memory
#   grows all along
import argparse

import torch
import torch.nn as nn
from sklearn.datasets import load_sample_image


class History:
    def __init__(self):
        self.data = {"loss": [], "psnr": []}

    def add(self, **values):
        for key, value in values.items():
            self.data[key].append(value)

    def mean(self, key, last):
        recent = self.data[key][-last:]
        return float(sum(recent) / len(recent))


class Denoiser(nn.Module):
    def __init__(self, width=12):
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(1, width, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, 1, 3, padding=1),
        )

    def forward(self, x):
        return x - self.net(x)


def crops(image, n, size=16):
    rows = torch.randint(image.shape[0] - size, (n,))
    cols = torch.randint(image.shape[1] - size, (n,))
    return torch.stack(
        [image[None, r : r + size, c : c + size] for r, c in zip(rows.tolist(), cols.tolist())]
    )


def psnr(a, b):
    return 10 * torch.log10(1.0 / (a - b).pow(2).mean())


parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()
torch.manual_seed(args.seed)

image = torch.tensor(load_sample_image("china.jpg"), dtype=torch.float32).mean(-1) / 255
train_image, val_image = image[:, :480], image[:, 480:]
val_clean = crops(val_image, 64)
val_noisy = val_clean + 0.15 * torch.randn_like(val_clean)

model = Denoiser()
criterion = nn.MSELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
history = History()

for step in range(1, 301):
    clean = crops(train_image, 16)
    noisy = clean + 0.15 * torch.randn_like(clean)
    optimizer.zero_grad()
    loss = criterion(model(noisy), clean)
    loss.backward()
    optimizer.step()
    history.add(loss=loss)  # fault
    if step % 50 == 0:
        with torch.no_grad():
            score = psnr(model(val_noisy), val_clean)
        history.add(psnr=score.item())
        print(f"step {step}: loss {history.mean('loss', 50):.5f} val psnr {score.item():.2f} dB "
              f"(noisy {psnr(val_noisy, val_clean).item():.2f})")
