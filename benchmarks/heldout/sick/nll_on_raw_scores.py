# expect: logits-as-probabilities
# accept: negated-loss
# note: NLLLoss gets raw scores of the LSTM head instead of log-probabilities; the loss runs to minus infinity
import argparse
import random

import torch
import torch.nn as nn

LANGS = {
    "it": "casa strada amore bello mondo notte vino pane scuola libro tempo "
    "acqua fuoco terra luna sole "
    "cavallo gatto fratello sorella ragazzo ragazza mangiare bere dormire parlare giocare cantare",
    "de": "haus strasse liebe schoen welt nacht wein brot schule buch zeit "
    "wasser feuer erde mond sonne "
    "pferd katze bruder schwester junge maedchen essen trinken schlafen sprechen spielen singen",
    "fi": "talo katu rakkaus kaunis maailma yoe viini leipae koulu kirja aika "
    "vesi tuli maa kuu aurinko "
    "hevonen kissa veli sisko poika tyttoe syoedae juoda nukkua puhua pelata laulaa",
}
CHARS = "abcdefghijklmnopqrstuvwxyz"


def encode(word, length=10):
    ids = [CHARS.index(c) + 1 for c in word[:length]]
    return ids + [0] * (length - len(ids))


class WordClassifier(nn.Module):
    def __init__(self, hidden=48):
        super().__init__()
        self.embed = nn.Embedding(27, 16, padding_idx=0)
        self.lstm = nn.LSTM(16, hidden, batch_first=True)
        self.out = nn.Linear(hidden, 3)

    def forward(self, ids):
        _, (h, _) = self.lstm(self.embed(ids))
        return self.out(h[-1])  # fault


def main(seed):
    random.seed(seed)
    torch.manual_seed(seed)
    samples = [(encode(w), k) for k, lang in enumerate(LANGS) for w in LANGS[lang].split()]
    random.shuffle(samples)
    x = torch.tensor([s[0] for s in samples])
    y = torch.tensor([s[1] for s in samples])
    n = int(0.8 * len(x))
    model = WordClassifier()
    criterion = nn.NLLLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.005)
    for epoch in range(40):
        total = 0.0
        for idx in torch.randperm(n).split(16):
            optimizer.zero_grad()
            loss = criterion(model(x[idx]), y[idx])  # fault
            loss.backward()
            optimizer.step()
            total += loss.item() * len(idx)
        if (epoch + 1) % 4 == 0:
            with torch.no_grad():
                acc = (model(x[n:]).argmax(1) == y[n:]).float().mean()
            print(f"epoch {epoch + 1}  loss {total / n:.3f}  held-out accuracy {acc:.2f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    main(parser.parse_args().seed)
