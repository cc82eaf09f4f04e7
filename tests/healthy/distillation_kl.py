# healthy: knowledge distillation: KLDivLoss gets log-probabilities of the student and
# probabilities of a frozen teacher, softmax of logits on both sides is right here; the loss does
# not go to zero
import argparse

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset


class Teacher(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(),
            nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(32, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        )
        self.classifier = nn.Linear(32 * 4, 10)

    def forward(self, x):
        return self.classifier(self.features(x).flatten(1))


class Student(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))

    def forward(self, x):
        return self.net(x)


def distillation_loss(student_logits, teacher_logits, labels, T, alpha):
    soft = nn.KLDivLoss(reduction="batchmean")(
        F.log_softmax(student_logits / T, dim=1), F.softmax(teacher_logits / T, dim=1)
    )
    hard = F.cross_entropy(student_logits, labels)
    return alpha * T * T * soft + (1 - alpha) * hard


def accuracy(model, loader):
    model.eval()
    hits = n = 0
    with torch.no_grad():
        for x, y in loader:
            hits += (model(x).argmax(1) == y).sum().item()
            n += len(y)
    return hits / n


def fit(model, train_loader, test_loader, loss_of, epochs, lr, name):
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr)
    for epoch in range(epochs):
        model.train()
        running = 0.0
        for x, y in train_loader:
            loss = loss_of(model(x), x, y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            running += loss.item() * len(y)
        print(f"{name} epoch {epoch}: loss {running / len(train_loader.dataset):.4f} "
              f"test acc {accuracy(model, test_loader):.4f}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--temperature", type=float, default=3.0)
    parser.add_argument("--alpha", type=float, default=0.7)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    x, y = load_digits(return_X_y=True)
    x = torch.tensor(x / 8 - 1, dtype=torch.float32).view(-1, 1, 8, 8)
    y = torch.tensor(y)
    x_tr, x_te, y_tr, y_te = train_test_split(x, y, test_size=357, random_state=args.seed)
    train_loader = DataLoader(TensorDataset(x_tr, y_tr), 32, shuffle=True)
    test_loader = DataLoader(TensorDataset(x_te, y_te), 357)

    teacher = Teacher()
    fit(teacher, train_loader, test_loader, lambda out, x, y: F.cross_entropy(out, y), 6, 3e-3,
        "teacher")
    for p in teacher.parameters():
        p.requires_grad_(False)
    teacher.eval()

    def kd_loss(out, x, y):
        return distillation_loss(out, teacher(x), y, args.temperature, args.alpha)

    student = Student()
    fit(student, train_loader, test_loader, kd_loss, 10, 4e-3, "student")


if __name__ == "__main__":
    main()
