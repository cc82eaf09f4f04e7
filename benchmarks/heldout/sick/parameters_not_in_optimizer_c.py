# expect: parameters-not-in-optimizer
# note: encoder and decoder are two modules, the optimizer only gets the decoder's parameters
import argparse
import random

import torch
import torch.nn as nn

PAD, SOS = 0, 1
N_SYMBOLS = 10
VOCAB = N_SYMBOLS + 2


class Encoder(nn.Module):
    def __init__(self, vocab, emb, hid):
        super().__init__()
        self.embedding = nn.Embedding(vocab, emb)
        self.rnn = nn.GRU(emb, hid, batch_first=True)

    def forward(self, src):
        _, hidden = self.rnn(self.embedding(src))
        return hidden


class Decoder(nn.Module):
    def __init__(self, vocab, emb, hid):
        super().__init__()
        self.embedding = nn.Embedding(vocab, emb)
        self.rnn = nn.GRU(emb, hid, batch_first=True)
        self.out = nn.Linear(hid, vocab)

    def forward(self, token, hidden):
        output, hidden = self.rnn(self.embedding(token), hidden)
        return self.out(output), hidden


def get_batch(n, length=5):
    src = torch.randint(2, VOCAB, (n, length))
    return src, src.flip(1)


def run(encoder, decoder, src, trg, teacher_forcing=0.5):
    hidden = encoder(src)
    token = torch.full((src.size(0), 1), SOS)
    logits = []
    for t in range(trg.size(1)):
        step, hidden = decoder(token, hidden)
        logits.append(step)
        if random.random() < teacher_forcing:
            token = trg[:, t : t + 1]
        else:
            token = step.argmax(-1)
    return torch.cat(logits, dim=1)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    random.seed(args.seed)
    torch.manual_seed(args.seed)

    encoder = Encoder(VOCAB, 24, 64)
    decoder = Decoder(VOCAB, 24, 64)
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(decoder.parameters(), lr=5e-3)  # fault
    val_src, val_trg = get_batch(200)

    for step in range(1, 451):
        encoder.train()
        decoder.train()
        src, trg = get_batch(64)
        optimizer.zero_grad()
        logits = run(encoder, decoder, src, trg)
        loss = criterion(logits.reshape(-1, VOCAB), trg.reshape(-1))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(decoder.parameters(), 1.0)
        optimizer.step()
        if step % 50 == 0:
            encoder.eval()
            decoder.eval()
            with torch.no_grad():
                pred = run(encoder, decoder, val_src, val_trg, teacher_forcing=0.0).argmax(-1)
            acc = (pred == val_trg).float().mean().item()
            print(f"step {step}: loss {loss.item():.3f}, token accuracy {acc:.3f}")


if __name__ == "__main__":
    main()
