import pytest
import torch

from netvet.experiments.task import class_axis, kind_of, predictions, score_of

LABELS = torch.tensor([0, 2, 1, 1])


@pytest.mark.parametrize(
    ("output", "target", "kind"),
    [
        (torch.randn(4, 3), LABELS, "classes"),
        (torch.randn(4, 3), LABELS[:, None], "classes"),
        (torch.randn(4, 5, 7), torch.randint(0, 7, (4, 5)), "classes"),  # [N, T, C]
        (torch.randn(4, 7, 5), torch.randint(0, 7, (4, 5)), "classes"),  # [N, C, T]
        (torch.randn(20, 7), torch.randint(0, 7, (4, 5)), "classes"),  # flattened
        (torch.randn(4, 3, 8, 8), torch.randint(0, 3, (4, 8, 8)), "classes"),  # an image of classes
        (torch.randn(4, 1), torch.tensor([0, 1, 0, 1]), "binary"),
        (torch.randn(4, 1), torch.tensor([0, 0, 0, 0]), "binary"),
        (torch.randn(4), torch.tensor([0.0, 1.0, 0.0, 1.0]), "binary"),
        (torch.randn(4, 3), torch.tensor([[1, 1, 0]] * 4), "binary"),  # several labels each
        (torch.randn(4, 1), torch.randn(4, 1), "numbers"),
        (torch.randn(4, 3), torch.eye(3)[LABELS], "unknown"),  # shares of classes, for softmax
        (torch.randn(4, 3), torch.full((4, 3), 1 / 3), "unknown"),
        (torch.randn(4, 3), None, "unknown"),
        (None, LABELS, "unknown"),
    ],
)
def test_tells_what_targets_are(output, target, kind):
    assert kind_of(output, target) == kind


def test_does_not_guess_where_the_classes_may_lie_on_two_axes():
    assert class_axis(torch.randn(4, 5, 5), torch.randint(0, 5, (4, 5))) is None
    assert kind_of(torch.randn(4, 5, 5), torch.randint(2, 5, (4, 5))) == "unknown"


def test_a_single_column_is_no_axis_of_classes():
    assert class_axis(torch.randn(4, 1), torch.zeros(4, dtype=torch.long)) is None


@pytest.mark.parametrize("axis", [1, 2])
def test_the_best_class_is_looked_for_on_the_axis_of_the_classes(axis):
    target = torch.randint(0, 7, (4, 5), generator=torch.Generator().manual_seed(0))
    output = torch.nn.functional.one_hot(target, 7).float()
    predicted, wanted = predictions("classes", output.movedim(2, axis), target)
    assert torch.equal(predicted, wanted)


def test_probabilities_are_cut_at_one_half_and_logits_at_zero():
    target = torch.tensor([0.0, 1.0])
    assert predictions("binary", torch.tensor([0.2, 0.8]), target)[0].tolist() == [0, 1]
    assert predictions("binary", torch.tensor([-0.2, 0.3]), target)[0].tolist() == [0, 1]


def test_accuracy_does_not_count_ignored_labels():
    assert score_of("classes", torch.tensor([1, 1, 1]), torch.tensor([1, 0, -100])).value == 0.5
    assert score_of("classes", torch.tensor([1]), torch.tensor([-100])) is None


def test_r2_is_that_of_the_definition():
    wanted, predicted = torch.tensor([1.0, 2.0, 4.0]), torch.tensor([1.5, 2.0, 3.0])
    mean = 7 / 3
    expected = 1 - (0.25 + 0 + 1) / sum((w - mean) ** 2 for w in (1, 2, 4))
    assert score_of("numbers", predicted, wanted).value == pytest.approx(expected, abs=1e-12)
    assert score_of("numbers", predicted, torch.ones(3)) is None  # nothing to explain
