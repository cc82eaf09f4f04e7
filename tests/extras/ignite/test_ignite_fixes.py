"""`netvet fix` on Ignite: the program makes optimizer and loaders itself, the engine is told how long to run."""

from pathlib import Path

from tests.extras.mended_programs import Recorded

SICK = Path(__file__).parent / "sick"


def test_optimizer_loader_and_engine_are_changed(tmp_path):
    program = Recorded(SICK / "lr_too_high.py", tmp_path)
    assert program.put_in("lower-lr") == ["optimizer = optim.SGD(net.parameters(), lr=0.5)  # fault"]
    assert program.put_in("train-longer") == ["trainer.run(train_loader, max_epochs=36)"]
    assert [one for one in program.put_in("larger-batch") if "batch_size=" in one or "loaders(256)" in one]
