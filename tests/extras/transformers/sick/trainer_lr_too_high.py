# expect: lr-too-high
# accept: loss-diverges, loss-flat, huge-updates, missing-warmup
# note: a learning rate for SGD in the hands of AdamW
import torch
from transformers import BertConfig, BertForMaskedLM, Trainer, TrainingArguments, set_seed

set_seed(4)
gen = torch.Generator().manual_seed(4)
start, stride = torch.randint(0, 20, (2000, 1), generator=gen), torch.randint(1, 4, (2000, 1), generator=gen)
sequences = (start + stride * torch.arange(14)) % 20 + 5


def mask_tokens(rows):
    ids = torch.stack([row["input_ids"] for row in rows])
    labels = ids.clone()
    chosen = torch.rand(ids.shape) < 0.15
    chosen[:, 0] |= ~chosen.any(1)
    labels[~chosen] = -100
    return {"input_ids": ids.masked_fill(chosen, 4), "labels": labels, "attention_mask": torch.ones_like(ids)}


data = [{"input_ids": row} for row in sequences]
config = BertConfig(
    vocab_size=25, hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64,
    max_position_embeddings=16, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
)
args = TrainingArguments(
    "mlm", max_steps=150, per_device_train_batch_size=32, learning_rate=0.5, logging_steps=25,  # fault
    report_to="none", save_strategy="no", use_cpu=True, disable_tqdm=True, remove_unused_columns=False,
    lr_scheduler_type="constant",
)
trainer = Trainer(BertForMaskedLM(config), args, data_collator=mask_tokens, train_dataset=data)
trainer.train()  # fault
