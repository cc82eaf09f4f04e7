"""A mask is given but has no effect."""

from netvet.checks.ignored_mask import ignored_mask
from netvet.core import Facts

SICK = {
    "model": "Net",
    "mask": "mask",
    "given": True,
    "output_changes": 0.3,
    "pad_share": 0.4,
    "file": "net.py",
    "line": 2,
}


def found(**changes):
    return ignored_mask(Facts.of({**SICK, **changes}))


def test_fires_with_the_numbers_and_the_place():
    (finding,) = found()
    assert "40% is padding" in finding.message
    assert str(finding.location) == "net.py:2"


def test_is_quiet_on_look_alikes_and_missing_values():
    assert not found(output_changes=0.0)
    assert not found(output_changes=None)
    assert not found(pad_share=0.001)
    assert not ignored_mask(Facts.of({}))


def test_only_notes_a_recurrent_net_or_a_missing_mask():
    assert [f.severity for f in found(cls="LSTM")] == ["note"]
    assert [f.severity for f in found(mask=None)] == ["note"]
    assert [f.severity for f in found(cls="MultiheadAttention")] == [None]
