# healthy: words of varied length, packed, padding ignored in the loss, perplexity logged, workers seeded
import lightning as L
import torch
import torch.nn.functional as F
from pydoc_data.topics import topics
from torch import nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader

text = " ".join(topics[k] for k in sorted(topics))[:60_000]
words = sorted({w for w in text.split() if w.isalpha() and w.islower() and 2 < len(w) < 12})
letters = {c: i for i, c in enumerate(" ." + "abcdefghijklmnopqrstuvwxyz")}


def collate(batch):
    encoded = [torch.tensor([1, *(letters[c] for c in w), 1]) for w in batch]
    return (
        pad_sequence([e[:-1] for e in encoded], batch_first=True),
        pad_sequence([e[1:] for e in encoded], batch_first=True, padding_value=-100),
    )


class CharModel(L.LightningModule):
    def __init__(self, size=64):
        super().__init__()
        self.embed = nn.Embedding(len(letters), 24, padding_idx=0)
        self.lstm = nn.LSTM(24, size, batch_first=True)
        self.out = nn.Linear(size, len(letters))

    def forward(self, x):
        return self.out(self.lstm(self.embed(x))[0])

    def step(self, batch, name):
        x, y = batch
        loss = F.cross_entropy(self(x).transpose(1, 2), y, ignore_index=-100)
        self.log(f"{name}_loss", loss, batch_size=len(x))
        self.log(f"{name}_ppl", loss.detach().exp(), batch_size=len(x))
        return loss

    def training_step(self, batch, batch_idx):
        return self.step(batch, "train")

    def validation_step(self, batch, batch_idx):
        self.step(batch, "val")

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=5e-3)


if __name__ == "__main__":
    L.seed_everything(0, workers=True)
    order = torch.randperm(len(words)).tolist()
    train, val = [words[i] for i in order[200:]], [words[i] for i in order[:200]]
    trainer = L.Trainer(
        max_epochs=6, accelerator="cpu", logger=False, gradient_clip_val=1.0, enable_checkpointing=False,
        enable_progress_bar=False,
    )
    trainer.fit(
        CharModel(),
        DataLoader(train, 32, shuffle=True, collate_fn=collate),
        DataLoader(val, 100, collate_fn=collate),
    )
