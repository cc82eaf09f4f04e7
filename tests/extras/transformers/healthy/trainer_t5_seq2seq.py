# healthy: Seq2SeqTrainer with a tiny T5 that reverses sequences, label smoothing, generation in the evaluation
import numpy as np
import torch
from transformers import Seq2SeqTrainer, Seq2SeqTrainingArguments, T5Config, T5ForConditionalGeneration, set_seed

set_seed(6)


def make(n, seed):
    gen = np.random.default_rng(seed)
    rows = [gen.integers(2, 12, gen.integers(3, 6)) for _ in range(n)]
    return [{"input_ids": [*r.tolist(), 1], "labels": [*r[::-1].tolist(), 1]} for r in rows]


def collate(rows):
    def pad(name, value):
        longest = max(len(r[name]) for r in rows)
        return torch.tensor([r[name] + [value] * (longest - len(r[name])) for r in rows])

    ids, labels = pad("input_ids", 0), pad("labels", -100)
    batch = {"input_ids": ids, "attention_mask": (ids != 0).long(), "labels": labels}
    return batch | {"decoder_input_ids": model.prepare_decoder_input_ids_from_labels(labels)}


config = T5Config(
    vocab_size=12, d_model=32, d_kv=8, d_ff=64, num_layers=2, num_heads=4, dropout_rate=0.0, decoder_start_token_id=0,
    pad_token_id=0, eos_token_id=1,
)
model = T5ForConditionalGeneration(config)
args = Seq2SeqTrainingArguments(
    "t5", max_steps=160, per_device_train_batch_size=64, per_device_eval_batch_size=100, learning_rate=4e-3,
    label_smoothing_factor=0.05, eval_strategy="steps", eval_steps=80, logging_steps=40, predict_with_generate=False,
    report_to="none", save_strategy="no", use_cpu=True, disable_tqdm=True,
)
trainer = Seq2SeqTrainer(
    model=model, args=args, data_collator=collate, train_dataset=make(3000, 0), eval_dataset=make(100, 1)
)
trainer.train()
