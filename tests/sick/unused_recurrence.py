# expect: unused-recurrence
# note: the classifier reads out[0], which is the first step of a sequence in a GRU that takes time first, and no state
#   of a later step
# mend: self.head(out[0]) -> self.head(out[-1])
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
torch.set_num_threads(1)


def sequences(count, steps=10, kinds=6):
    """Tokens; the class is that of the token which comes right after the marker 0."""
    tokens = torch.randint(1, kinds, (count, steps))
    place = torch.randint(0, steps - 1, (count,))
    rows = torch.arange(count)
    tokens[rows, place] = 0
    return tokens, tokens[rows, place + 1] - 1


class Reader(nn.Module):
    def __init__(self, kinds=6, width=32):
        super().__init__()
        self.embed = nn.Embedding(kinds, width)
        self.gru = nn.GRU(width, width)
        self.head = nn.Linear(width, kinds - 1)

    def forward(self, tokens):
        out, _ = self.gru(self.embed(tokens).transpose(0, 1))  # fault
        return self.head(out[0])


def main():
    train, val = sequences(1600), sequences(400)
    loader = DataLoader(TensorDataset(*train), batch_size=32, shuffle=True)
    model = Reader()
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    for epoch in range(8):
        model.train()
        for tokens, kind in loader:
            loss = nn.functional.cross_entropy(model(tokens), kind)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            accuracy = (model(val[0]).argmax(1) == val[1]).float().mean().item()
        print(f"epoch {epoch}: loss {loss.item():.3f}, accuracy {accuracy:.3f}")


if __name__ == "__main__":
    main()
