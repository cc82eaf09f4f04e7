# source: dropout rate too high (a known sort of fault in Keras programs): 0.9 after both hidden layers of a small net
# mend: drop=0.9 -> drop=0.2
import torch
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn


class WineNet(nn.Module):
    def __init__(self, hidden=24, drop=0.9):
        super().__init__()
        self.body = nn.Sequential(
            nn.Linear(13, hidden),
            nn.ReLU(),
            nn.Dropout(drop),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
            nn.Dropout(drop),
        )
        self.head = nn.Linear(hidden, 3)

    def forward(self, x):
        return self.head(self.body(x))


def main(seed=0, epochs=30):
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    features, cultivar = load_wine(return_X_y=True)
    a, b, c, d = train_test_split(features, cultivar, test_size=0.4, stratify=cultivar, random_state=seed)
    scaler = StandardScaler().fit(a)
    x, x_val = (torch.tensor(scaler.transform(part), dtype=torch.float32) for part in (a, b))
    y, y_val = torch.tensor(c), torch.tensor(d)
    model = WineNet()
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.5)
    for epoch in range(epochs):
        model.train()
        for rows in torch.randperm(len(x)).split(16):
            optimizer.zero_grad()
            loss = criterion(model(x[rows]), y[rows])
            loss.backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            out = model(x_val)
            val_loss = criterion(out, y_val).item()
            accuracy = (out.argmax(dim=1) == y_val).float().mean().item()
        print(f"epoch {epoch}: loss {loss.item():.4f} val {val_loss:.4f} accuracy {accuracy:.3f}")


if __name__ == "__main__":
    main()
