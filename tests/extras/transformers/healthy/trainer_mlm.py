# healthy: masked language modelling with a tiny BERT, 15% of the tokens masked in the collator, cosine schedule
import torch
from transformers import BertConfig, BertForMaskedLM, Trainer, TrainingArguments, set_seed

set_seed(4)
gen = torch.Generator().manual_seed(4)
# Sequences that count up by one of three strides, modulo 20: a masked number follows from its neighbours.
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
trainer = Trainer(
    model=BertForMaskedLM(config),
    args=TrainingArguments(
        "mlm", max_steps=200, per_device_train_batch_size=32, learning_rate=5e-3, lr_scheduler_type="cosine",
        warmup_steps=20, max_grad_norm=1.0, logging_steps=25, report_to="none", save_strategy="no", use_cpu=True,
        disable_tqdm=True, remove_unused_columns=False,
    ),
    data_collator=mask_tokens,
    train_dataset=data,
)
trainer.train()
