# healthy: character model written with a hand-made Elman cell, one module applied at every
# position; no validation at all, samples are printed instead
import argparse
import random

import torch
import torch.nn as nn

STARTS = "bar bel cor dan el fen gal har is jor kal lin mar nor os per quin ros sel tor".split()
MIDDLES = "a e i o an en in or ar el".split()
ENDS = "da dric la lin mir na nor ra ric ron tha vin wen".split()
LETTERS = "abcdefghijklmnopqrstuvwxyz"
END = len(LETTERS)

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--steps", type=int, default=400)
args = parser.parse_args()
random.seed(args.seed)
torch.manual_seed(args.seed)
torch.set_num_threads(1)

names = sorted({s + m + e for s in STARTS for m in MIDDLES for e in ENDS})
random.shuffle(names)


class RNN(nn.Module):
    def __init__(self, input_size, hidden_size, output_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.i2h = nn.Linear(input_size + hidden_size, hidden_size)
        self.h2o = nn.Linear(hidden_size, output_size)

    def forward(self, letter, hidden):
        hidden = torch.tanh(self.i2h(torch.cat((letter, hidden), dim=1)))
        return self.h2o(hidden), hidden

    def init_hidden(self, batch):
        return torch.zeros(batch, self.hidden_size)


def encode(batch):
    """One-hot letters shifted right, targets padded with -1 behind the end mark."""
    longest = max(map(len, batch)) + 1
    x = torch.zeros(longest, len(batch), END + 1)
    y = torch.full((longest, len(batch)), -1)
    for b, name in enumerate(batch):
        codes = [LETTERS.index(c) for c in name] + [END]
        x[0, b, END] = 1
        for t, code in enumerate(codes):
            y[t, b] = code
            if t + 1 < len(codes):
                x[t + 1, b, code] = 1
    return x, y


rnn = RNN(END + 1, 64, END + 1)
criterion = nn.CrossEntropyLoss(ignore_index=-1)
optimizer = torch.optim.Adam(rnn.parameters(), lr=5e-3)

running = 0.0
for step in range(1, args.steps + 1):
    x, y = encode(random.sample(names, 32))
    hidden = rnn.init_hidden(32)
    outputs = []
    for letter in x:
        output, hidden = rnn(letter, hidden)
        outputs.append(output)
    loss = criterion(torch.cat(outputs), y.flatten())
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(rnn.parameters(), 5.0)
    optimizer.step()
    running += loss.item()
    if step % 50 == 0:
        print(f"{step:4d} {100 * step // args.steps:3d}% {running / 50:.4f}")
        running = 0.0


@torch.no_grad()
def sample():
    hidden, code, name = rnn.init_hidden(1), END, ""
    while len(name) < 12:
        letter = torch.zeros(1, END + 1)
        letter[0, code] = 1
        output, hidden = rnn(letter, hidden)
        code = torch.multinomial(output.softmax(1), 1).item()
        if code == END:
            break
        name += LETTERS[code]
    return name


made = [sample() for _ in range(200)]
print("samples:", " ".join(made[:8]))
print(f"share of well-formed names: {sum(m in set(names) for m in made) / len(made):.3f}")
