# expect: padding-in-loss
# note: the collator pads the labels with 0, the index of the padding token, which is then learned like any word
import random

import torch
from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainingArguments, set_seed

set_seed(0)
SUBJECTS, VERBS, OBJECTS = ["dog", "cat", "bird", "child"], ["sees", "finds", "likes"], ["house", "river", "tree"]
WORDS = ["<pad>", "<s>", "</s>", "the", "a", "old", "green", "and", *SUBJECTS, *VERBS, *OBJECTS]
IDS = {w: i for i, w in enumerate(WORDS)}


def sentence(rng):
    noun = lambda words: [rng.choice(["the", "a"]), *rng.sample(["old", "green"], rng.randint(0, 2)), rng.choice(words)]
    parts = [*noun(SUBJECTS), rng.choice(VERBS), *noun(OBJECTS)]
    for _ in range(rng.choice([0, 0, 0, 0, 0, 6])):
        parts += ["and", *noun(SUBJECTS), rng.choice(VERBS), *noun(OBJECTS)]
    return ["<s>", *parts, "</s>"]


def collate(rows):
    length = max(len(r["input_ids"]) for r in rows)
    ids = torch.zeros(len(rows), length, dtype=torch.long)
    for i, row in enumerate(rows):
        ids[i, : len(row["input_ids"])] = torch.tensor(row["input_ids"])
    return {"input_ids": ids, "attention_mask": (ids != 0).long(), "labels": ids.clone()}  # fault


rng = random.Random(0)
rows = sorted({tuple(sentence(rng)) for _ in range(1500)})
rng.shuffle(rows)
data = [{"input_ids": [IDS[w] for w in row]} for row in rows]
config = GPT2Config(
    vocab_size=len(WORDS), n_positions=72, n_embd=32, n_layer=2, n_head=2, bos_token_id=1, eos_token_id=2,
    pad_token_id=0,
)
args = TrainingArguments(
    "out", num_train_epochs=3, per_device_train_batch_size=32, learning_rate=3e-3, warmup_steps=10, logging_steps=10,
    report_to="none", use_cpu=True, disable_tqdm=True, save_strategy="no",
)
trainer = Trainer(GPT2LMHeadModel(config), args, train_dataset=data, data_collator=collate)  # fault
trainer.train()  # fault
