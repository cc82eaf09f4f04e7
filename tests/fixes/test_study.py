"""Which change is said to help, and after how many trials."""

import pytest

from netvet.fixes.choose import Candidate
from netvet.fixes.fix import Intervention
from netvet.fixes.measured import Measured, Score
from netvet.fixes.source import Patch
from netvet.fixes.study import MOST, Study


def change(name, **given):
    return Candidate(Intervention(name, name, (), lambda program: iter(()), "", **given), name, "", Patch({}, {}))


def run(value, metric="accuracy", **given):
    fields = {"samples": 400, "train_curve": [[0.0, 2.3]], "scores": {metric: Score(value, value)}} | given
    return Measured(metric=metric, value=value, best=value, **fields)


def study(values, fixes, **given):
    """Scores by name of the change (`""`: the unchanged program) and seed."""
    asked_for = []

    def measure(wanted):
        for asked in wanted:
            name = asked.candidate.fix.name if asked.candidate else ""
            asked_for.append((name, asked.seed))
            found = values[name]
            found = found(asked.seed) if callable(found) else found[asked.seed]
            yield asked, found if isinstance(found, Measured) else run(found)

    made = Study([[one] for one in fixes], measure, **given)
    made.run()
    return made, asked_for


def test_clear_improvement_takes_three_pairs():
    made, asked = study({"": [0.1, 0.12, 0.1], "good": [0.97, 0.96, 0.97]}, [change("good")])
    assert made.arms[0].verdict == "helped"
    assert made.arms[0].evidence.low > 0.5
    assert len(asked) == 6


def test_change_that_does_nothing_costs_one_trial():
    made, asked = study({"": [0.5], "idle": [0.5]}, [change("idle")])
    assert made.arms[0].verdict == "no difference"
    assert asked == [("", 0), ("idle", 0)]


def test_change_that_harms_is_never_among_the_best():
    made, _ = study({"": [0.9], "bad": [0.2]}, [change("bad")])
    assert made.arms[0].verdict == "made worse"
    assert made.best() == []


def test_luck_of_the_first_pair_costs_three():
    values = {"": lambda seed: 0.5, "lucky": lambda seed: 0.5 + (0.2 if seed % 2 == 0 else -0.1)}
    made, asked = study(values, [change("lucky")])
    assert made.arms[0].verdict == "undecided"
    assert "do not agree" in made.arms[0].reason
    assert len(asked) == 6


def test_doubtful_change_gets_more_pairs():
    values = {"": lambda seed: 0.5, "some": lambda seed: 0.6 + (0.06 if seed % 2 == 0 else -0.06)}
    made, asked = study(values, [change("some")])
    assert made.arms[0].verdict == "helped"
    assert 6 < len(asked) <= 2 * MOST


def test_change_that_may_help_is_given_up_behind_one_that_helps_more():
    values = {"": lambda _: 0.5, "good": lambda _: 0.9, "some": lambda seed: 0.6 + (0.06 if seed % 2 == 0 else -0.06)}
    made, asked = study(values, [change("some"), change("good")])
    assert made.arms[0].verdict == "undecided"
    assert made.arms[0].reason.startswith("good helps more")
    assert len(asked) == 9


def test_change_is_not_tried_on_where_its_opposite_gains():
    values = {"": [0.1] * 3, "lower-lr": [0.9, 0.91, 0.9], "raise-lr": [0.1]}
    fixes = [[change("lower-lr")], [change("raise-lr"), change("raise-lr")]]
    asked_for = []

    def measure(wanted):
        for asked in wanted:
            name = asked.candidate.fix.name if asked.candidate else ""
            asked_for.append(name)
            yield asked, run(values[name][asked.seed])

    made = Study(fixes, measure)
    made.run()
    assert asked_for.count("raise-lr") == 1
    assert [arm.candidate.fix.name for arm in made.best()] == ["lower-lr"]


def test_slow_change_gets_no_more_time_than_is_left():
    values = {"": [0.1] * 3, "slow": [run(0.9, seconds=50.0)] * 3, "good": [0.9, 0.91, 0.9]}
    made, asked = study(values, [change("slow"), change("good")], seconds=20)
    assert [arm.verdict for arm in made.arms] == ["undecided", "helped"]
    assert asked.count(("slow", 1)) == 0


def test_program_that_fails_is_worse_than_any_score():
    broken = run(0.0, error="IndexError: Target 10 is out of bounds", ended="exception")
    made, _ = study({"": [broken] * 3, "mended": [0.9, 0.91, 0.92]}, [change("mended")])
    assert made.arms[0].verdict == "helped"


def test_change_that_breaks_the_program_could_not_be_applied():
    broken = run(0.0, error="NameError: name 'modle' is not defined", ended="exception")
    made, _ = study({"": [0.5], "typo": [broken]}, [change("typo")])
    assert made.arms[0].verdict == "could not be applied"
    assert "modle" in made.arms[0].reason


def test_equally_good_changes_are_named_together():
    values = {"": [0.1, 0.1, 0.1], "a": [0.95, 0.96, 0.95], "b": [0.955, 0.96, 0.952], "c": [0.5, 0.52, 0.51]}
    made, _ = study(values, [change("c"), change("a"), change("b")])
    assert [arm.candidate.fix.name for arm in made.best()] == ["a", "b"]


def test_ctrl_c_keeps_what_was_measured():
    def measure(wanted):
        for asked in wanted:
            if asked.seed:
                raise KeyboardInterrupt
            yield asked, run(0.9 if asked.candidate else 0.1)

    made = Study([[change("good")]], measure)
    made.run()
    assert made.stopped
    assert made.arms[0].verdict == "undecided"
    assert made.arms[0].reason == "stopped"


def variants_of(values):
    first, second, third = (change(name) for name in ("small", "smaller", "smallest"))

    def measure(wanted):
        for asked in wanted:
            yield asked, run(values[asked.candidate.fix.name if asked.candidate else ""][asked.seed])

    made = Study([[first, second, third]], measure)
    made.run()
    return made


def test_variants_are_tried_for_as_long_as_they_become_better():
    made = variants_of({"": [0.1] * 3, "small": [0.4, 0.41, 0.4], "smaller": [0.95, 0.96, 0.95], "smallest": [0.5]})
    assert [arm.verdict for arm in made.arms] == ["helped", "helped", "undecided"]
    assert made.arms[2].reason == "no better than the variant before it"
    assert made.best()[0].candidate.fix.name == "smaller"


def test_variants_are_compared_on_the_same_seed():
    values = {"": [0.54, 0.40, 0.42], "small": [0.94, 0.90, 0.87], "smaller": [0.98, 0.97, 0.98], "smallest": [0.5]}
    made = variants_of(values)
    assert [arm.verdict for arm in made.arms[:2]] == ["helped", "helped"]
    assert made.best()[0] is made.arms[1]


def test_next_variant_is_tried_where_one_does_nothing():
    made = variants_of({"": [0.1] * 3, "small": [0.1], "smaller": [0.1], "smallest": [0.9, 0.91, 0.9]})
    assert made.best()[0].candidate.fix.name == "smallest"


def test_loss_decides_where_scores_are_alike():
    def both(accuracy, loss):
        scores = {"accuracy": Score(accuracy, accuracy), "loss": Score(loss, loss)}
        return run(accuracy, scores=scores, loss_function="cross_entropy")

    values = {"": [both(0.96, v) for v in (0.5, 0.51, 0.49)], "fix": [both(0.962, v) for v in (0.1, 0.11, 0.1)]}
    made, _ = study(values, [change("fix")])
    assert made.arms[0].verdict == "helped"
    assert made.arms[0].metric == "loss"
    made, _ = study(values, [change("fix", changes_loss=True)])
    assert made.arms[0].verdict == "no difference"


def test_losses_of_another_kind_are_not_compared():
    mine, other = (
        run(v, "loss", loss_function=f, split="train") for v, f in ((2.3, "cross_entropy"), (0.1, "mse_loss"))
    )
    made, _ = study({"": [mine], "swap": [other]}, [change("swap", changes_loss=True)])
    assert made.arms[0].verdict == "not comparable"


def test_score_that_was_wrong_is_not_compared():
    made, _ = study({"": [0.99], "unleak": [0.8]}, [change("unleak", corrects_score=True)])
    assert made.arms[0].verdict == "not comparable"


def test_negative_r2_counts_as_nothing_learned():
    values = {"": [run(v, "r2") for v in (-1e6, -3.0, -40.0)], "fix": [run(v, "r2") for v in (0.9, 0.91, 0.9)]}
    made, _ = study(values, [change("fix")])
    assert made.arms[0].verdict == "helped"
    assert made.arms[0].evidence.effect == pytest.approx(0.9033, abs=1e-3)


def test_time_that_is_over_leaves_changes_undecided():
    slow = run(0.1, seconds=100.0)
    made, asked = study({"": [slow] * 3, "good": [0.9] * 3}, [change("good")], seconds=10)
    assert made.arms[0].verdict == "undecided"
    assert "--budget" in made.arms[0].reason
    assert len(asked) == 2
