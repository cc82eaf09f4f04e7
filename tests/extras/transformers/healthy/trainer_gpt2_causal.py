# healthy: a tiny GPT-2 from random weights, Trainer, linear schedule with warm-up, evaluation each epoch,
# batches padded by the collator for language modelling (labels -100 where padded)
import random

import torch
from torch.utils.data import Dataset
from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainingArguments, set_seed

set_seed(0)
SUBJECTS, VERBS, OBJECTS = ["dog", "cat", "bird", "child"], ["sees", "finds", "likes"], ["house", "river", "tree"]
WORDS = ["<pad>", "<s>", "</s>", "the", "a", "old", "green", "and", *SUBJECTS, *VERBS, *OBJECTS]
IDS = {w: i for i, w in enumerate(WORDS)}


def sentence(rng):
    noun = lambda words: [rng.choice(["the", "a"]), *rng.sample(["old", "green"], rng.randint(0, 2)), rng.choice(words)]
    parts = [*noun(SUBJECTS), rng.choice(VERBS), *noun(OBJECTS)]
    if rng.random() < 0.4:
        parts += ["and", *noun(SUBJECTS), rng.choice(VERBS), *noun(OBJECTS)]
    return ["<s>", *parts, "</s>"]


class Sentences(Dataset):
    def __init__(self, rows):
        self.rows = [torch.tensor([IDS[w] for w in row]) for row in rows]

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, i):
        return {"input_ids": self.rows[i]}


def collate(rows):
    length = max(len(r["input_ids"]) for r in rows)
    ids = torch.zeros(len(rows), length, dtype=torch.long)
    for i, row in enumerate(rows):
        ids[i, : len(row["input_ids"])] = row["input_ids"]
    mask = (ids != 0).long()
    return {"input_ids": ids, "attention_mask": mask, "labels": ids.masked_fill(mask == 0, -100)}


rng = random.Random(0)
rows = sorted({tuple(sentence(rng)) for _ in range(1500)})
rng.shuffle(rows)
config = GPT2Config(
    vocab_size=len(WORDS), n_positions=32, n_embd=32, n_layer=2, n_head=2, bos_token_id=1, eos_token_id=2,
    pad_token_id=0,
)
args = TrainingArguments(
    "out", num_train_epochs=3, per_device_train_batch_size=32, learning_rate=3e-3, warmup_steps=10,
    eval_strategy="epoch", logging_steps=10, report_to="none", use_cpu=True, disable_tqdm=True, save_strategy="no",
)
train, test = Sentences(rows[150:]), Sentences(rows[:150])
trainer = Trainer(GPT2LMHeadModel(config), args, train_dataset=train, eval_dataset=test, data_collator=collate)
trainer.train()
print(trainer.evaluate())
