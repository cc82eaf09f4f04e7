# healthy: transformer encoder classifier on padded sequences; the padding mask is a double
# negation (`~keep` with True = ignore) and the mean is taken over real tokens only
import argparse

import torch
from torch import nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader

PAD, VOCAB, CLASSES = 0, 40, 3


class SentenceClassifier(nn.Module):
    def __init__(self, d_model=32, nhead=4, num_layers=2, max_len=24):
        super().__init__()
        self.embedding = nn.Embedding(VOCAB, d_model, padding_idx=PAD)
        self.position = nn.Parameter(torch.randn(max_len, d_model) * 0.02)
        layer = nn.TransformerEncoderLayer(
            d_model, nhead, dim_feedforward=64, dropout=0.1, batch_first=True
        )
        self.encoder = nn.TransformerEncoder(layer, num_layers, enable_nested_tensor=False)
        self.fc = nn.Linear(d_model, CLASSES)

    def forward(self, tokens):
        keep = tokens != PAD
        h = self.embedding(tokens) + self.position[: tokens.size(1)]
        h = self.encoder(h, src_key_padding_mask=~keep)
        weight = keep.unsqueeze(-1).float()
        return self.fc((h * weight).sum(1) / weight.sum(1))


def generate(n, gen):
    """Tokens 1-4 vote for class 0, 5-8 for class 1, 9-12 for class 2; the rest is noise."""
    samples = []
    for _ in range(n):
        length = int(torch.randint(10, 25, (1,), generator=gen))
        label = int(torch.randint(CLASSES, (1,), generator=gen))
        seq = torch.randint(13, VOCAB, (length,), generator=gen)
        other = (label + int(torch.randint(1, CLASSES, (1,), generator=gen))) % CLASSES
        where = torch.randperm(length, generator=gen)
        for k, cls in enumerate([label] * 4 + [other] * 2):
            seq[where[k]] = 1 + 4 * cls + int(torch.randint(4, (1,), generator=gen))
        samples.append((seq, label))
    return samples


def collate(batch):
    seqs, labels = zip(*batch)
    return pad_sequence(seqs, batch_first=True, padding_value=PAD), torch.tensor(labels)


def run_epoch(model, loader, criterion, optimizer=None):
    model.train(optimizer is not None)
    loss_sum, correct, count = 0.0, 0, 0
    with torch.set_grad_enabled(optimizer is not None):
        for tokens, labels in loader:
            logits = model(tokens)
            loss = criterion(logits, labels)
            if optimizer is not None:
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            loss_sum += loss.item() * len(labels)
            correct += (logits.argmax(-1) == labels).sum().item()
            count += len(labels)
    return loss_sum / count, correct / count


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", default=0, type=int)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    gen = torch.Generator().manual_seed(args.seed)
    train_loader = DataLoader(generate(1500, gen), 50, shuffle=True, collate_fn=collate)
    val_loader = DataLoader(generate(500, gen), 100, collate_fn=collate)
    model = SentenceClassifier()
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    for epoch in range(6):
        train_loss, train_acc = run_epoch(model, train_loader, criterion, optimizer)
        val_loss, val_acc = run_epoch(model, val_loader, criterion)
        print(f"{epoch:2d} train {train_loss:.4f} {train_acc:.3f} val {val_loss:.4f} {val_acc:.3f}")


if __name__ == "__main__":
    main()
