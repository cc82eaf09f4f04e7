"""Run a program of the Trainer with a plain PyTorch loop in its place: `python plain.py PROGRAM`."""

import runpy
import sys

import torch
import transformers
from torch.utils.data import DataLoader, default_collate


class PlainTrainer:
    def __init__(self, model, args, train_dataset=None, data_collator=None, optimizers=(None, None), **_):
        self.model, self.args = model, args
        transformers.set_seed(args.seed)
        collate = data_collator or _collated
        self.loader = DataLoader(train_dataset, args.per_device_train_batch_size, shuffle=True, collate_fn=collate)
        own = [p for p in model.parameters() if p.requires_grad]
        self.optimizer = optimizers[0] or torch.optim.AdamW(own, lr=args.learning_rate)

    def compute_loss(self, model, inputs):
        return model(**inputs)["loss"]

    def train(self):
        step, steps = 0, self.args.max_steps
        steps = steps if steps > 0 else int(self.args.num_train_epochs * len(self.loader))
        while step < steps:
            for batch in self.loader:
                loss = self.compute_loss(self.model, batch)
                self.optimizer.zero_grad()
                loss.backward()
                torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.args.max_grad_norm)
                self.optimizer.step()
                step += 1
                if step >= steps:
                    break


def _collated(rows):
    columns = {k: [row[k] for row in rows] for k in rows[0]}
    return {k: default_collate([torch.as_tensor(v) for v in values]) for k, values in columns.items()}


transformers.Trainer = PlainTrainer
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
