# healthy: a language model of transformers in a loop of one's own with accelerate, the library's own schedule
import torch
from accelerate import Accelerator
from torch.utils.data import DataLoader
from transformers import GPT2Config, GPT2LMHeadModel, get_linear_schedule_with_warmup, set_seed

set_seed(0)
accelerator = Accelerator(cpu=True)
gen = torch.Generator().manual_seed(0)
# Each sequence repeats a pattern of three to five letters: after the first round all follows from what was before.
rows = []
for _ in range(1000):
    period = int(torch.randint(3, 6, (), generator=gen))
    pattern = torch.randint(0, 16, (period,), generator=gen)
    rows.append(pattern.repeat(6)[:18])
data = torch.stack(rows)
train, val = DataLoader(data[:900], 32, shuffle=True), DataLoader(data[900:], 50)
config = GPT2Config(vocab_size=16, n_positions=18, n_embd=48, n_layer=2, n_head=4, bos_token_id=0, eos_token_id=0)
model = GPT2LMHeadModel(config)
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
epochs = 5
schedule = get_linear_schedule_with_warmup(optimizer, 20, epochs * len(train))
model, optimizer, train, val, schedule = accelerator.prepare(model, optimizer, train, val, schedule)
for epoch in range(epochs):
    model.train()
    for ids in train:
        outputs = model(input_ids=ids, labels=ids)
        accelerator.backward(outputs.loss)
        if accelerator.sync_gradients:
            accelerator.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
    model.eval()
    losses = []
    for ids in val:
        with torch.no_grad():
            losses.append(accelerator.gather(model(input_ids=ids, labels=ids).loss.repeat(len(ids))))
    accelerator.print(f"epoch {epoch}: validation loss {torch.cat(losses).mean():.4f}")
