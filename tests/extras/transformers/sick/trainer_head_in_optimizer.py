# expect: parameters-not-in-optimizer
# note: an optimizer of one's own that was made from the classifier alone
import numpy as np
import torch
from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments, set_seed

set_seed(2)
gen = np.random.default_rng(2)
rows = []
for _ in range(1200):
    tokens = gen.integers(4, 30, 12)
    rows.append({"input_ids": [2, *tokens.tolist(), 3], "labels": int(tokens[0] > tokens[-1])})
config = BertConfig(
    vocab_size=30, hidden_size=32, num_hidden_layers=1, num_attention_heads=4, intermediate_size=64,
    max_position_embeddings=40, num_labels=2,
)
model = BertForSequenceClassification(config)
optimizer = torch.optim.AdamW(model.classifier.parameters(), lr=5e-3)  # fault
args = TrainingArguments(
    "head", num_train_epochs=4, per_device_train_batch_size=32, report_to="none", save_strategy="no", use_cpu=True,
    disable_tqdm=True,
)
Trainer(model, args, train_dataset=rows, optimizers=(optimizer, None)).train()
