# expect: regularisation-dominates
# accept: oversized-regularisation
# note: the L1 penalty is weighted 0.05 over all weights and is far larger than the cross entropy;
#       the weights are driven to zero and the prediction collapses
# mend: default=0.05 -> default=0.0005
import argparse

import torch
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--l1", type=float, default=0.05)
args = parser.parse_args()
torch.manual_seed(args.seed)
torch.set_num_threads(1)

features, cultivar = load_wine(return_X_y=True)
f_train, f_test, c_train, c_test = train_test_split(
    features, cultivar, test_size=0.3, stratify=cultivar, random_state=args.seed
)
scaler = StandardScaler().fit(f_train)
f_train = torch.tensor(scaler.transform(f_train), dtype=torch.float32)
f_test = torch.tensor(scaler.transform(f_test), dtype=torch.float32)
c_train, c_test = torch.tensor(c_train), torch.tensor(c_test)

net = nn.Sequential(
    nn.Linear(13, 32),
    nn.ELU(),
    nn.Linear(32, 32),
    nn.ELU(),
    nn.Linear(32, 3),
)
optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
cross_entropy = nn.CrossEntropyLoss()


def l1_norm(module):
    return sum(p.abs().sum() for name, p in module.named_parameters() if name.endswith("weight"))


for epoch in range(40):
    net.train()
    data_loss = 0.0
    for rows in torch.randperm(len(f_train)).split(16):
        optimizer.zero_grad()
        ce = cross_entropy(net(f_train[rows]), c_train[rows])
        loss = ce + args.l1 * l1_norm(net)  # fault
        loss.backward()
        optimizer.step()
        data_loss += ce.item() * len(rows)
    if epoch % 4 == 3:
        net.eval()
        with torch.no_grad():
            acc = (net(f_test).argmax(1) == c_test).float().mean().item()
        print(
            f"epoch {epoch + 1:2d}: cross entropy {data_loss / len(f_train):.4f}, "
            f"total {loss.item():.4f}, test accuracy {acc:.3f}"
        )
