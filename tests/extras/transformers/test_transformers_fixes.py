"""`netvet fix` on the Trainer and accelerate: what it changes is what they are given."""

from pathlib import Path

from tests.extras.mended_programs import Recorded

SICK = Path(__file__).parent / "sick"


def test_the_arguments_of_the_trainer_are_changed(tmp_path):
    program = Recorded(SICK / "trainer_lr_too_low.py", tmp_path)
    line = '"cancer", num_train_epochs={}, per_device_train_batch_size={}, learning_rate={}, report_to="none",  # fault'
    assert program.put_in("raise-lr") == [line.format(12, 16, "2e-06")]
    assert program.put_in("larger-batch") == [line.format(12, 64, "2e-7")]
    assert program.put_in("train-longer") == [line.format(36, 16, "2e-7")]
    assert [one for one in program.put_in("warmup") if "warmup_steps=43," in one]
    assert [one for one in program.put_in("constant-lr") if 'lr_scheduler_type="constant",' in one]


def test_a_loader_that_accelerate_has_prepared_is_found(tmp_path):
    program = Recorded(SICK / "accelerate_scheduler_per_batch.py", tmp_path)
    (line,) = program.put_in("larger-batch")
    assert line.startswith("train = DataLoader(")
    assert "batch_size=192" in line
    assert program.put_in("step-per-epoch") == ["scheduler.step()  # fault"]
    assert program.put_in("lower-lr") == ["optimizer = optim.SGD(model.parameters(), lr=0.005)"]
