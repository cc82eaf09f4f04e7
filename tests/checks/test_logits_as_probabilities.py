"""Raw outputs, or plain probabilities, in a loss that wants (log-)probabilities."""

from netvet.checks.logits_as_probabilities import logits_as_probabilities
from netvet.core import Facts

SICK = {"function": "nll_loss", "phase": "train", "input_op": "linear", "classes": 10, "file": "train.py", "line": 9}
SICK |= {"rows_are_log_probabilities": 0.0, "positive_share": 0.4, "in_unit_interval": False}


def found(**changes):
    return logits_as_probabilities(Facts.of({**SICK, **changes}))


def test_fires_on_logits_and_on_probabilities():
    assert "raw outputs of linear" in found()[0].message
    assert str(found()[0].location) == "train.py:9"
    assert found(input_op="softmax", in_unit_interval=True, rows_sum_to_one=1.0, positive_share=1.0)


def test_is_quiet_on_log_probabilities():
    assert not found(rows_are_log_probabilities=1.0, positive_share=0.0)
    assert not found(input_op="log")
    assert not found(positive_share=0.0)


def test_reports_a_refusal_at_the_first_step_only():
    error = {"exception": "RuntimeError: all elements of input should be between 0 and 1"}
    assert logits_as_probabilities(Facts(), Facts.of({**error, "steps": 0}))
    assert not logits_as_probabilities(Facts(), Facts.of({**error, "steps": 50}))


def test_is_quiet_without_fields():
    assert not logits_as_probabilities(Facts.of({}, {"function": "nll_loss", "phase": "train"}), Facts.of({}))


def chain(*ops, low=1e-6, high=1 - 1e-6):
    saved = {"min": low, "max": high}
    return Facts.of(
        *(
            {
                "backward": "train.py:9",
                "id": i,
                "op": op,
                "next": [i + 1],
                "file": "train.py",
                "line": i + 1,
                "saved": saved,
            }
            for i, op in enumerate(ops)
        )
    )


BINARY = Facts.of({"function": "binary_cross_entropy", "phase": "train"})


def test_fires_on_raw_outputs_that_only_a_clamp_bounds():
    (finding,) = logits_as_probabilities(BINARY, graph=chain("BinaryCrossEntropy", "Clamp", "Squeeze", "Addmm"))
    assert "only a clamp" in finding.message
    assert str(finding.location) == "train.py:1"
    assert logits_as_probabilities(BINARY, graph=chain("Neg", "Mul", "Log", "ClampBackward1", "Convolution"))


def test_is_quiet_on_clamped_probabilities_and_on_other_clamps():
    for last in ("Sigmoid", "Softmax", "Mean", "Exp"):
        assert not logits_as_probabilities(BINARY, graph=chain("BinaryCrossEntropy", "Clamp", "Squeeze", last))
    ops = ("Mean", "Log", "Clamp", "Addmm")
    assert not logits_as_probabilities(BINARY, graph=chain(*ops, low=0.0, high=None))
    assert not logits_as_probabilities(BINARY, graph=chain(*ops, low=-5.0, high=5.0))
    assert not logits_as_probabilities(Facts.of({"function": "mse_loss", "phase": "train"}), graph=chain(*ops))
    assert not logits_as_probabilities(BINARY, graph=chain("BinaryCrossEntropy", "Clamp"))
