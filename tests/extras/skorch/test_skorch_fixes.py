"""`netvet fix` on nets of skorch: what it changes is what they are given."""

from pathlib import Path

from tests.extras.mended_programs import Recorded

HERE = Path(__file__).parent


def test_the_arguments_of_the_net_are_changed(tmp_path):
    program = Recorded(HERE / "sick" / "lr_too_high.py", tmp_path)
    assert program.put_in("lower-lr") == ["lr=0.5,"]
    assert program.put_in("larger-batch") == ["batch_size=256,"]
    assert program.put_in("train-longer") == ["max_epochs=36,"]
    assert program.put_in("usual-momentum") == ["optimizer__momentum=0.9,"]
    assert program.put_in("adam") == ["optimizer=torch.optim.AdamW,", "lr=1e-3,"]
    assert program.put_in("clip-gradients")[-1] == "callbacks=[GradientNormClipping(1.0)],"


def test_a_rate_of_the_optimizer_goes_before_that_of_the_net(tmp_path):
    program = Recorded(HERE / "sick" / "lr_too_low.py", tmp_path)
    assert program.put_in("raise-lr") == ["optimizer__lr=1e-05,"]
