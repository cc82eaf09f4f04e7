# expect: detached-parameters
# note: the code of the encoder is detached before the decoder, so that the encoder never learns
import lightning as L
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader


class AutoEncoder(L.LightningModule):
    def __init__(self, size=16):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, size))  # fault
        self.decoder = nn.Sequential(nn.Linear(size, 48), nn.ReLU(), nn.Linear(48, 64))

    def training_step(self, batch, batch_idx):
        code = self.encoder(batch).detach()  # fault
        loss = F.mse_loss(self.decoder(code), batch)  # fault
        self.log("train_loss", loss, on_epoch=True)
        return loss

    def validation_step(self, batch, batch_idx):
        self.log("val_loss", F.mse_loss(self.decoder(self.encoder(batch)), batch))

    def configure_optimizers(self):
        return torch.optim.AdamW(self.parameters(), lr=2e-3)


L.seed_everything(7)
pixels = torch.tensor(load_digits().data / 8 - 1, dtype=torch.float32)
pixels = pixels[torch.randperm(len(pixels))]
trainer = L.Trainer(max_epochs=10, accelerator="cpu", logger=False, enable_progress_bar=False)
trainer.fit(AutoEncoder(), DataLoader(pixels[:1440], 64, shuffle=True), DataLoader(pixels[1440:], 128))
