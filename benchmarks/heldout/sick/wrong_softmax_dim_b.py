# expect: wrong-softmax-dim
# note: the tagger returns (batch, time, tags) and log_softmax runs over dim 1, which is time; the
#       values of one token do not sum to one over the tags
import argparse
import random

import torch
import torch.nn.functional as F
from torch import nn

LEXICON = {
    "DET": ["the", "a", "some", "every"],
    "ADJ": ["red", "old", "tiny", "light", "cold"],
    "NOUN": ["dog", "light", "run", "stone", "watch", "cook"],
    "VERB": ["run", "watch", "cook", "see", "stone"],
    "ADV": ["slowly", "often", "here"],
}
PATTERNS = [
    "DET NOUN VERB DET ADJ NOUN ADV".split(),
    "DET ADJ NOUN VERB DET NOUN ADV".split(),
    "ADJ NOUN VERB ADV DET ADJ NOUN".split(),
    "ADV DET NOUN VERB DET ADJ NOUN".split(),
]
TAGS = sorted(LEXICON)
WORDS = sorted({w for ws in LEXICON.values() for w in ws})


def corpus(n, rng):
    words, tags = [], []
    for _ in range(n):
        pattern = rng.choice(PATTERNS)
        words.append([WORDS.index(rng.choice(LEXICON[t])) for t in pattern])
        tags.append([TAGS.index(t) for t in pattern])
    return torch.tensor(words), torch.tensor(tags)


class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(len(WORDS), 16)
        self.lstm = nn.LSTM(16, 16, batch_first=True, bidirectional=True)
        self.linear = nn.Linear(32, len(TAGS))

    def forward(self, sentence):
        states, _ = self.lstm(self.embed(sentence))
        return F.log_softmax(self.linear(states), dim=1)  # fault


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    rng = random.Random(args.seed)
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)

    train_words, train_tags = corpus(800, rng)
    test_words, test_tags = corpus(200, rng)
    tagger = Tagger()
    optimizer = torch.optim.SGD(tagger.parameters(), lr=0.5, momentum=0.5)
    for epoch in range(10):
        tagger.train()
        total = 0.0
        for idx in torch.randperm(800).split(20):
            tagger.zero_grad()
            log_probs = tagger(train_words[idx])
            loss = F.nll_loss(log_probs.view(-1, len(TAGS)), train_tags[idx].view(-1))
            loss.backward()
            optimizer.step()
            total += loss.item() / 40
        tagger.eval()
        with torch.no_grad():
            acc = (tagger(test_words).argmax(-1) == test_tags).float().mean().item()
        print(f"epoch {epoch} nll {total:.4f} tag accuracy {acc:.4f}")


if __name__ == "__main__":
    main()
