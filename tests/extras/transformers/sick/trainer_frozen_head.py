# expect: frozen-parameters
# accept: detached-parameters, parameters-not-in-optimizer
# note: everything whose name holds "bert" is frozen, and so is the whole encoder, of random weights
import numpy as np
from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments, set_seed


def make(n, seed):
    gen = np.random.default_rng(seed)
    rows = []
    for _ in range(n):
        tokens = gen.integers(4, 30, 12)
        rows.append({"input_ids": [2, *tokens.tolist(), 3], "labels": int(tokens[0] > tokens[-1])})
    return rows


def main():
    set_seed(0)
    config = BertConfig(
        vocab_size=30, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64,
        max_position_embeddings=40, num_labels=2,
    )
    model = BertForSequenceClassification(config)
    for name, parameter in model.named_parameters():
        if name.startswith("bert"):
            parameter.requires_grad = False  # fault
    args = TrainingArguments(
        "bert", num_train_epochs=4, per_device_train_batch_size=32, learning_rate=5e-3, eval_strategy="epoch",
        report_to="none", save_strategy="no", use_cpu=True, disable_tqdm=True,
    )
    Trainer(model, args, train_dataset=make(1200, 0), eval_dataset=make(200, 1)).train()


if __name__ == "__main__":
    main()
