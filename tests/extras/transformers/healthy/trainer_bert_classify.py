# healthy: a tiny BERT that classifies sequences, compute_metrics, the best checkpoint loaded at the end
import numpy as np
import torch
from transformers import BertConfig, BertForSequenceClassification, EvalPrediction, Trainer, TrainingArguments, set_seed

set_seed(1)


def make(n, seed):
    """Sequences of digits; the class is the digit that is there most often of three."""
    gen = np.random.default_rng(seed)
    rows = []
    for _ in range(n):
        label = int(gen.integers(3))
        length = int(gen.integers(8, 20))
        weights = np.full(3, 0.25)
        weights[label] = 0.5
        tokens = np.where(gen.random(length) < 0.5, gen.choice(3, length, p=weights) + 4, gen.integers(7, 30, length))
        counts = np.bincount(tokens, minlength=7)[4:7]
        rows.append({"input_ids": [2, *tokens.tolist(), 3], "label": int(counts.argmax())})
    return rows


def pad(rows):
    longest = max(len(r["input_ids"]) for r in rows)
    ids = torch.tensor([r["input_ids"] + [0] * (longest - len(r["input_ids"])) for r in rows])
    return {"input_ids": ids, "attention_mask": (ids != 0).long(), "labels": torch.tensor([r["label"] for r in rows])}


def metrics(prediction: EvalPrediction):
    guess = prediction.predictions.argmax(-1)
    return {"accuracy": float((guess == prediction.label_ids).mean())}


def main():
    config = BertConfig(
        vocab_size=30, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64,
        max_position_embeddings=40, num_labels=3,
    )
    model = BertForSequenceClassification(config)
    args = TrainingArguments(
        output_dir="bert", num_train_epochs=5, per_device_train_batch_size=32, per_device_eval_batch_size=100,
        learning_rate=2e-3, weight_decay=0.01, warmup_steps=20, eval_strategy="epoch", save_strategy="epoch",
        save_total_limit=1, load_best_model_at_end=True, metric_for_best_model="accuracy", logging_steps=20,
        report_to=[], use_cpu=True, disable_tqdm=True, remove_unused_columns=False,
    )
    train, test = make(1600, 0), make(200, 1)
    trainer = Trainer(model, args, pad, train_dataset=train, eval_dataset=test, compute_metrics=metrics)
    trainer.train()
    print(trainer.evaluate())


if __name__ == "__main__":
    main()
