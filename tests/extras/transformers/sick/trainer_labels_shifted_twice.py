# expect: off-by-one-labels
# note: GPT-2 shifts the labels by itself; here the collator has shifted them already
import torch
from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainingArguments, set_seed

set_seed(0)
gen = torch.Generator().manual_seed(0)
start, stride = torch.randint(0, 20, (1500, 1), generator=gen), torch.randint(1, 4, (1500, 1), generator=gen)
rows = (start + stride * torch.arange(14)) % 20


def collate(batch):
    ids = torch.stack([row["ids"] for row in batch])
    return {"input_ids": ids[:, :-1], "labels": ids[:, 1:]}  # fault


config = GPT2Config(vocab_size=20, n_positions=16, n_embd=32, n_layer=2, n_head=2, bos_token_id=0, eos_token_id=0)
args = TrainingArguments(
    "shifted", max_steps=150, per_device_train_batch_size=32, learning_rate=3e-3, remove_unused_columns=False,
    report_to="none", save_strategy="no", use_cpu=True, disable_tqdm=True, logging_steps=50,
)
Trainer(GPT2LMHeadModel(config), args, train_dataset=[{"ids": row} for row in rows], data_collator=collate).train()
