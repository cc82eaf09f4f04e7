"""`netvet fix` on Lightning: what it changes is the module, its loaders, and what the Trainer is given."""

from pathlib import Path

from tests.extras.mended_programs import Recorded

SICK = Path(__file__).parent / "sick"


def test_module_loaders_and_trainer_are_changed(tmp_path):
    program = Recorded(SICK / "lightning_step_interval.py", tmp_path)
    assert program.put_in("step-per-epoch") == [
        'return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "epoch"}}  # fault'
    ]
    assert program.put_in("lower-lr") == [
        "optimizer = torch.optim.SGD(self.parameters(), lr=self.hparams.lr * 0.1, momentum=0.9)"
    ]
    (line,) = program.put_in("larger-batch")
    assert "DataLoader(train, 200, shuffle=True), DataLoader(val, 200)" in line
    trainer = 'trainer = L.Trainer(max_epochs={}, accelerator="cpu", logger=False, enable_progress_bar=False{})'
    assert program.put_in("train-longer") == [trainer.format(42, "")]
    assert program.put_in("clip-gradients") == [trainer.format(14, ", gradient_clip_val=1.0")]
