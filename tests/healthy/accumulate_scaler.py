# healthy: float16 autocast with GradScaler and gradient accumulation: zero_grad, unscale_ and
# step run only every few micro batches and the loss is divided by their number
import argparse

import torch
import torch.nn as nn
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch.utils.data import DataLoader, TensorDataset


def get_args():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--accumulation-steps", type=int, default=4)
    parser.add_argument("--max-norm", type=float, default=5.0)
    return parser.parse_args()


def main():
    args = get_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

    x, y = load_breast_cancer(return_X_y=True)
    x_train, x_val, y_train, y_val = train_test_split(
        x, y, test_size=0.2, stratify=y, random_state=args.seed
    )
    scaler_x = StandardScaler().fit(x_train)
    x_train = torch.tensor(scaler_x.transform(x_train), dtype=torch.float32)
    x_val = torch.tensor(scaler_x.transform(x_val), dtype=torch.float32, device=device)
    y_val = torch.tensor(y_val, device=device)
    train_set = TensorDataset(x_train, torch.tensor(y_train))
    loader = DataLoader(train_set, batch_size=16, shuffle=True, drop_last=True)

    model = nn.Sequential(
        nn.Linear(30, 32), nn.GELU(), nn.Linear(32, 32), nn.GELU(), nn.Linear(32, 2)
    ).to(device)
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.03, momentum=0.9, weight_decay=0.01)
    scaler = torch.amp.GradScaler(device.type, init_scale=2.0**12)

    for epoch in range(args.epochs):
        model.train()
        running = 0.0
        optimizer.zero_grad(set_to_none=True)
        for i, (inputs, labels) in enumerate(loader):
            inputs, labels = inputs.to(device), labels.to(device)
            with torch.autocast(device.type, dtype=torch.float16):
                loss = criterion(model(inputs), labels) / args.accumulation_steps
            scaler.scale(loss).backward()
            running += loss.item() * args.accumulation_steps
            if (i + 1) % args.accumulation_steps == 0:
                scaler.unscale_(optimizer)
                nn.utils.clip_grad_norm_(model.parameters(), args.max_norm)
                scaler.step(optimizer)
                scaler.update()
                optimizer.zero_grad(set_to_none=True)

        model.eval()
        with torch.no_grad(), torch.autocast(device.type, dtype=torch.float16):
            logits = model(x_val).float()
        val_loss = criterion(logits, y_val).item()
        acc = (logits.argmax(1) == y_val).float().mean().item()
        if (epoch + 1) % 3 == 0 or epoch == 0:
            print(f"epoch {epoch + 1}: train {running / len(loader):.4f} val {val_loss:.4f} "
                  f"acc {acc:.4f} scale {scaler.get_scale():.0f}")


if __name__ == "__main__":
    main()
