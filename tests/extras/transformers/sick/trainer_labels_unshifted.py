# expect: target-in-input
# accept: future-leak
# note: the loss is taken by hand, and each position is to predict the token that it is given
import torch
from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainingArguments, set_seed


class LanguageTrainer(Trainer):
    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        logits = model(input_ids=inputs["input_ids"]).logits  # fault
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), inputs["input_ids"].flatten())  # fault
        return (loss, logits) if return_outputs else loss


set_seed(0)
gen = torch.Generator().manual_seed(0)
start, stride = torch.randint(0, 20, (1500, 1), generator=gen), torch.randint(1, 4, (1500, 1), generator=gen)
rows = (start + stride * torch.arange(14)) % 20
config = GPT2Config(vocab_size=20, n_positions=16, n_embd=32, n_layer=2, n_head=2, bos_token_id=0, eos_token_id=0)
args = TrainingArguments(
    "unshifted", max_steps=150, per_device_train_batch_size=32, learning_rate=3e-3, remove_unused_columns=False,
    report_to="none", save_strategy="no", use_cpu=True, disable_tqdm=True, logging_steps=50,
)
trainer = LanguageTrainer(GPT2LMHeadModel(config), args, train_dataset=[{"input_ids": row} for row in rows])
trainer.train()
