"""A process that was gone before the others."""

from netvet.checks.lost_rank import lost_rank
from netvet.core import Facts, Location

OK = {"present": True, "ended": "ok", "last_step": 9}


def test_names_the_killed_rank():
    others = [{**OK, "rank": rank, "ended": ended} for rank, ended in ((0, "exception"), (2, "terminated"))]
    (finding,) = lost_rank(Facts.of(others[0], {**OK, "rank": 1, "ended": None, "last_step": 7}, others[1]))
    assert (finding.where, finding.step, finding.severity) == ("rank 1", 7, "error")
    assert finding.message.endswith("rank 0 stopped at step 9, rank 2 stopped at step 9")


def test_shows_the_line_where_the_first_rank_noticed():
    run = Facts.of({"exception_file": "train.py", "exception_line": 31})
    ranks = Facts.of({**OK, "rank": 0, "ended": "exception"}, {**OK, "rank": 1, "ended": None})
    assert lost_rank(ranks, run)[0].location == Location("train.py", 31)


def test_a_rank_that_may_be_at_work_still_is_a_warning():
    (finding,) = lost_rank(Facts.of({**OK, "rank": 0}, {**OK, "rank": 1, "ended": None}))
    assert finding.severity == "warning"


def test_says_that_a_rank_stored_nothing():
    (finding,) = lost_rank(Facts.of({**OK, "rank": 0, "ended": "exception"}, {"rank": 1, "present": False}))
    assert finding.message == "rank 1 stored nothing; others: rank 0 stopped at step 9"
    assert finding.severity == "warning"


def test_is_quiet_while_all_are_at_work_and_when_all_ended():
    assert lost_rank(Facts.of({**OK, "rank": 0, "ended": None}, {**OK, "rank": 1, "ended": None})) == []
    assert lost_rank(Facts.of({**OK, "rank": 0}, {**OK, "rank": 1})) == []
    assert lost_rank(Facts.of({**OK, "rank": 0})) == []
