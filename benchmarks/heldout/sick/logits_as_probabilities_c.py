# expect: logits-as-probabilities
# accept: mismatched-loss
# note: NLLLoss gets the raw output of the last linear layer; the loss runs off to minus infinity
import argparse
import random
import string

import torch
import torch.nn as nn

LANGS = {
    "Italian": ["ro", "ssi", "bian", "chi", "mo", "re", "tti", "lla", "ni", "co"],
    "Japanese": ["ya", "ma", "mo", "to", "ka", "wa", "shi", "ta", "na", "ki"],
    "Polish": ["kow", "ski", "wicz", "czak", "now", "ak", "szcz", "dzi", "ek", "la"],
    "English": ["smi", "th", "john", "son", "wood", "ton", "hill", "brook", "er", "field"],
}
ALL_LETTERS = string.ascii_lowercase
all_categories = list(LANGS)


def make_name(lang):
    return "".join(random.choice(LANGS[lang]) for _ in range(random.randint(2, 3)))


def line_to_tensor(line):
    tensor = torch.zeros(len(line), 1, len(ALL_LETTERS))
    for i, letter in enumerate(line):
        tensor[i][0][ALL_LETTERS.index(letter)] = 1
    return tensor


class CharRNN(nn.Module):
    def __init__(self, input_size, hidden_size, output_size):
        super().__init__()
        self.rnn = nn.GRU(input_size, hidden_size)
        self.h2o = nn.Linear(hidden_size, output_size)

    def forward(self, line):
        _, hidden = self.rnn(line)
        return self.h2o(hidden[0])  # fault


def evaluate(rnn, names):
    correct = 0
    with torch.no_grad():
        for lang, name in names:
            guess = rnn(line_to_tensor(name)).argmax(1).item()
            correct += int(all_categories[guess] == lang)
    return correct / len(names)


parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()
random.seed(args.seed)
torch.manual_seed(args.seed)

pairs = sorted({(lang, make_name(lang)) for lang in all_categories for _ in range(200)})
random.shuffle(pairs)
train_pairs, val_pairs = pairs[:-120], pairs[-120:]

rnn = CharRNN(len(ALL_LETTERS), 32, len(all_categories))
criterion = nn.NLLLoss()  # fault
optimizer = torch.optim.Adam(rnn.parameters(), lr=5e-3)

current_loss, batch_size = 0.0, 4
for it in range(1, 401):
    rnn.zero_grad()
    batch = random.sample(train_pairs, batch_size)
    loss = 0
    for category, line in batch:
        output = rnn(line_to_tensor(line))
        target = torch.tensor([all_categories.index(category)])
        loss = loss + criterion(output, target) / batch_size  # fault
    loss.backward()
    optimizer.step()
    current_loss += loss.item()
    if it % 50 == 0:
        print(f"{it} ({it / 4:.0f}%) loss {current_loss / 50:.4f} "
              f"val acc {evaluate(rnn, val_pairs):.3f}")
        current_loss = 0.0
