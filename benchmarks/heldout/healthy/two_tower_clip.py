# healthy: CLIP-like two towers with a learnable temperature and a symmetric in-batch loss
# (samples of a batch depend on each other by design); loss starts at the log of the batch size
import argparse
import math

import torch
import torch.nn as nn
import torch.nn.functional as F


def world(n, gen, n_words=60, n_latent=6, caption=8):
    """A latent scene is seen as a noisy feature vector and told as a bag of words."""
    latent = torch.randn(n, n_latent, generator=gen)
    lens = torch.randn(n_latent, 40, generator=torch.Generator().manual_seed(7))
    topics = torch.randn(n_latent, n_words, generator=torch.Generator().manual_seed(8))
    picture = torch.tanh(latent @ lens * 0.5) + 0.2 * torch.randn(n, 40, generator=gen)
    words = torch.multinomial((1.5 * latent @ topics).softmax(1), caption, generator=gen)
    return picture, words


class Towers(nn.Module):
    def __init__(self, dim=32):
        super().__init__()
        self.visual = nn.Sequential(nn.Linear(40, 96), nn.GELU(), nn.Linear(96, dim))
        self.words = nn.EmbeddingBag(60, 96, mode="mean")
        self.text = nn.Sequential(nn.GELU(), nn.Linear(96, dim))
        self.logit_scale = nn.Parameter(torch.tensor(math.log(1 / 0.07)))

    def encode_image(self, picture):
        return F.normalize(self.visual(picture), dim=-1)

    def encode_text(self, words):
        return F.normalize(self.text(self.words(words)), dim=-1)

    def similarity(self, picture, words):
        return self.logit_scale.exp() * self.encode_image(picture) @ self.encode_text(words).t()


def clip_loss(logits):
    labels = torch.arange(len(logits))
    return (F.cross_entropy(logits, labels) + F.cross_entropy(logits.t(), labels)) / 2


def recall(logits, k):
    top = logits.topk(k, dim=1).indices
    return (top == torch.arange(len(logits))[:, None]).any(1).float().mean().item()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--batch", type=int, default=100)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    gen = torch.Generator().manual_seed(args.seed)
    picture, words = world(6000, gen)
    val_picture, val_words = world(100, gen)
    model = Towers()
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.02)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=7)
    for epoch in range(7):
        model.train()
        total = 0.0
        for idx in torch.randperm(6000).split(args.batch):
            loss = clip_loss(model.similarity(picture[idx], words[idx]))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            with torch.no_grad():
                model.logit_scale.clamp_(max=math.log(100))
            total += loss.item() * len(idx)
        scheduler.step()
        model.eval()
        with torch.no_grad():
            logits = model.similarity(val_picture, val_words)
        print(f"epoch {epoch} train {total / 6000:.4f} val {clip_loss(logits).item():.4f} "
              f"R@1 {recall(logits, 1):.2f} R@5 {recall(logits, 5):.2f} "
              f"scale {model.logit_scale.exp().item():.1f}")
