"""`netvet fix` on learners of fastai: what it changes is what they are given."""

from pathlib import Path

from tests.extras.mended_programs import Recorded

SICK = Path(__file__).parent / "sick"


def test_the_arguments_of_the_learner_are_changed(tmp_path):
    program = Recorded(SICK / "lr_too_high.py", tmp_path)
    assert program.put_in("lower-lr") == ["learn.fit(12, lr=0.5)  # fault"]
    assert program.put_in("train-longer") == ["learn.fit(36, lr=5.0)  # fault"]
    assert [one for one in program.put_in("larger-batch") if "bs=256" in one]
    assert [one for one in program.put_in("adam") if "opt_func=Adam," in one]
    assert [one for one in program.put_in("clip-gradients") if "cbs=[GradientClip(1.0)]" in one]
