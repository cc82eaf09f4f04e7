"""Which batches of evaluations are held out, where the training samples are scored as well."""

from netvet.capture.fingerprints import held_out

TRAIN = frozenset(range(400))


def kept(*batches):
    return held_out(TRAIN, [frozenset(one) for one in batches])


def test_a_score_of_the_training_samples_beside_a_clean_one_is_left_out():
    assert kept(range(400), range(1000, 1100)) == [False, True]


def test_so_it_is_where_not_all_training_samples_are_known():
    assert kept(range(100, 500), range(1000, 1100)) == [False, True]


def test_a_leak_stays_beside_a_score_of_the_training_samples():
    assert kept(range(400), range(340, 460)) == [False, True]


def test_all_counts_where_nothing_else_is_scored():
    assert kept(range(200), range(200, 400)) == [True, True]


def test_batches_of_single_samples_are_kept():
    assert all(kept(*([i] for i in range(350, 450))))


def test_a_clean_rest_of_a_few_samples_leaves_nothing_out():
    assert kept(range(300), range(300, 400), range(1000, 1005)) == [True, True, True]
