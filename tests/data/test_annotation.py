"""Which samples people are asked for, and the file of their answers."""

import subprocess
import sys
from collections import Counter
from threading import Thread

import numpy as np
import pytest

from netvet.core import NetvetError
from netvet.data.annotation import Answer, Store, file_of, planned, stratified
from netvet.data.index import Audited, Rows, splits_of


def audited(held="val", count=400, targets=None):
    random = np.random.default_rng(0)
    made = {}
    for name, n in (("train", 600), (held, count)):
        labels = random.choice(["cat", "dog", "owl"], n, p=[0.6, 0.3, 0.1]) if targets is None else targets(n)
        prints = random.integers(0, 2**63, n).astype(np.uint64)
        made[name] = Rows(None, prints, np.zeros((n, 1), np.float32), np.zeros((n, 0), np.uint64), {}, labels)
    splits, classes = splits_of(made)
    return Audited("image", "pets", splits, classes)


def made(tmp_path, data, samples=20):
    return Store.create(tmp_path / "a.db", data.name, data.classes, planned(data, samples))


def test_questions_are_of_what_models_are_judged_on():
    assert {a.split for a in planned(audited())} == {"val"}
    assert {a.split for a in planned(audited("other"))} == {"train"}


def test_each_class_has_its_share():
    data = audited()
    counts = Counter(a.label for a in planned(data, 100) if a.first is None)
    shares = np.bincount(data.splits["val"].labels, minlength=3) / 400
    for name, share in zip(data.classes, shares, strict=True):
        assert abs(counts[name] - 100 * share) < 1
    assert sum(counts.values()) == 100


def test_some_come_twice_and_late():
    plan = planned(audited(), 100)
    again = [a for a in plan if a.first is not None]
    assert (len(plan), len(again)) == (120, 20)
    for asked in again:
        first = plan[asked.first]
        assert (first.sample, first.first) == (asked.sample, None)
        assert asked.position - first.position >= 100 // 6
    assert [a.position for a in plan] == list(range(120))


def test_no_more_is_asked_than_there_is():
    plan = planned(audited(count=7), 100)
    assert sorted(a.sample for a in plan if a.first is None) == list(range(7))
    assert len(planned(audited(count=1), 100)) == 1


def test_same_seed_asks_the_same():
    assert planned(audited()) == planned(audited())
    assert planned(audited()) != planned(audited(), seed=1)


def test_samples_without_class_are_not_asked_for():
    labels = np.array([0, -1, 1, -1])
    assert sorted(stratified(labels, 4, np.random.default_rng(0))) == [0, 2]


def test_numbers_to_be_predicted_are_refused():
    with pytest.raises(NetvetError, match="asked for classes"):
        planned(audited(targets=lambda n: np.linspace(0, 1, n)))


def test_other_data_have_another_file(tmp_path):
    assert file_of(audited(), tmp_path) == file_of(audited(), tmp_path)
    assert file_of(audited(), tmp_path) != file_of(audited(count=399), tmp_path)


def test_plan_stays_when_it_is_opened_again(tmp_path):
    data = audited()
    first = made(tmp_path, data)
    again = Store.create(tmp_path / "a.db", data.name, data.classes, planned(data, 5))
    assert again.plan() == first.plan() == planned(data, 20)
    assert (again.name, again.classes) == ("pets", ("cat", "dog", "owl"))


def test_answers_are_kept_by_person_and_last_ones_taken_back(tmp_path):
    store = made(tmp_path, audited())
    for given in (Answer("ann", 0, "cat", 1.0), Answer("ann", 1, None, 2.0), Answer("bob", 0, "dog", 3.0)):
        store.answer(given)
    store.answer(Answer("ann", 0, "owl", 4.0))
    assert store.answers("ann") == [Answer("ann", 0, "owl", 4.0), Answer("ann", 1, None, 2.0)]
    store.undo("ann")
    store.undo("nobody")
    assert store.answers() == [Answer("ann", 0, "owl", 4.0), Answer("bob", 0, "dog", 3.0)]


def test_answer_is_on_the_disk_at_once(tmp_path):
    store = made(tmp_path, audited())
    code = (
        "import os, sys; from pathlib import Path; from netvet.data.annotation import Answer, Store; "
        "Store(Path(sys.argv[1])).answer(Answer('ann', 3, 'cat', 1.5)); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, str(store.file)], check=False)
    assert store.answers() == [Answer("ann", 3, "cat", 1.5)]


def test_several_people_may_answer_at_once(tmp_path):
    store = made(tmp_path, audited())

    def say(name):
        own = Store(store.file)
        for position in range(10):
            own.answer(Answer(name, position, "cat", 1.0))

    threads = [Thread(target=say, args=(name,)) for name in ("ann", "bob", "eve")]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(store.answers()) == 30


@pytest.mark.parametrize("content", [b"", b"not a database", b"SQLite format 3\0" + b"\xff" * 200])
def test_other_files_are_one_clear_error(tmp_path, content):
    file = tmp_path / "a.db"
    file.write_bytes(content)
    with pytest.raises(NetvetError, match=r"a\.db"):
        Store(file)


def test_names_are_data(tmp_path):
    store = made(tmp_path, audited())
    name = "x'); DROP TABLE answers; --"
    store.answer(Answer(name, 0, "cat", 1.0))
    assert store.answers(name) == [Answer(name, 0, "cat", 1.0)]
