# expect: evaluation-in-train-mode
# accept: evaluation-changes-state
# note: the evaluation runs with dropout and batch statistics
import torch
from accelerate import Accelerator
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def main():
    torch.manual_seed(0)
    accelerator = Accelerator(cpu=True)
    x, y = load_digits(return_X_y=True)
    x, y = torch.tensor((x - x.mean()) / x.std(), dtype=torch.float32), torch.tensor(y)
    order = torch.randperm(len(x))
    train = DataLoader(TensorDataset(x[order[:1440]], y[order[:1440]]), batch_size=48, shuffle=True)
    val = DataLoader(TensorDataset(x[order[1440:]], y[order[1440:]]), batch_size=40)
    model = nn.Sequential(
        nn.Linear(64, 96), nn.BatchNorm1d(96), nn.ReLU(), nn.Dropout(0.4),
        nn.Linear(96, 48), nn.ReLU(), nn.Dropout(0.4), nn.Linear(48, 10),
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    model, optimizer, train, val = accelerator.prepare(model, optimizer, train, val)
    criterion = nn.CrossEntropyLoss()
    for epoch in range(10):
        model.train()
        for inputs, targets in train:
            optimizer.zero_grad()
            accelerator.backward(criterion(model(inputs), targets))
            optimizer.step()
        right = total = 0
        for inputs, targets in val:
            with torch.no_grad():
                logits = model(inputs)  # fault
            guess, targets = accelerator.gather_for_metrics((logits.argmax(1), targets))
            right, total = right + (guess == targets).sum().item(), total + len(targets)
        accelerator.print(f"{epoch}: {right / total:.3f}")


if __name__ == "__main__":
    main()
