# expect: misstepped-scheduler
# accept: lr-decays-early
# note: a decay meant per epoch is applied per batch, by `interval`; the rate is gone after two epochs
import lightning as L
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split


class ConvNet(L.LightningModule):
    def __init__(self, lr: float = 0.1, gamma: float = 0.85):
        super().__init__()
        self.save_hyperparameters()
        self.net = nn.Sequential(
            nn.Conv2d(1, 12, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(12, 24, 3, padding=1), nn.ReLU(),
            nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(96, 10),
        )
        self.loss = nn.CrossEntropyLoss()

    def forward(self, images):
        return self.net(images)

    def training_step(self, batch, batch_idx):
        images, labels = batch
        loss = self.loss(self(images), labels)
        self.log("loss", loss)
        return loss

    def validation_step(self, batch, batch_idx):
        images, labels = batch
        logits = self(images)
        self.log("val_loss", self.loss(logits, labels))
        self.log("val_acc", (logits.argmax(1) == labels).float().mean())

    def configure_optimizers(self):
        optimizer = torch.optim.SGD(self.parameters(), lr=self.hparams.lr, momentum=0.9)
        scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=self.hparams.gamma)  # fault
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}  # fault


if __name__ == "__main__":
    L.seed_everything(0)
    digits = load_digits()
    images = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1)
    images = (images - images.mean()) / images.std()
    train, val = random_split(TensorDataset(images, torch.tensor(digits.target)), [1397, 400])
    trainer = L.Trainer(max_epochs=14, accelerator="cpu", logger=False, enable_progress_bar=False)
    trainer.fit(ConvNet(), DataLoader(train, 50, shuffle=True), DataLoader(val, 200))  # fault
