"""The page on which people find what they see."""

import re

from netvet.checks import NAMES, all_checks, load
from tools.symptoms import COSTS, cost, said, symptoms_page, way


def test_every_symptom_is_on_the_page():
    symptoms = {one.name for one in all_checks() if one.kind == "symptom"}
    assert symptoms == {name for one in said() for name in one.symptoms}


def test_what_is_looked_at_first_is_a_check_that_explains_it():
    for one in said():
        assert one.first, one.words
        assert set(one.first) <= set(NAMES), one.words
        explaining = {name for symptom in one.symptoms for name in load(symptom).explained_by}
        # Broken samples are found by looks of their own.
        assert len(explaining) < 3 or len(set(one.first) & explaining) >= len(one.first) / 2, one.words


def test_no_two_headings_are_alike():
    words = [one.words.lower() for one in said()]
    assert len(words) == len(set(words))


def test_causes_come_in_the_order_of_the_cheapest_test():
    page = symptoms_page(all_checks())
    for section in page.split("\n### ")[1:]:
        first = re.findall(r"^\d+\. \[([\w-]+)\]", section, re.MULTILINE)
        assert first, section
        places = [COSTS.index(cost(load(name))) for name in first]
        assert places == sorted(places), section


def test_the_page_names_each_cause_once_in_a_section():
    for section in symptoms_page(all_checks()).split("\n### ")[1:]:
        names = re.findall(r"\]\(checks/([\w-]+)\.md\)", section)
        assert len(names) == len(set(names)), section[:80]


def test_the_command_is_one_that_has_the_signals():
    assert way(load("double-softmax")) == "netvet run train.py"
    assert way(load("label-errors")) == "netvet data train.py"
    assert way(load("insufficient-capacity")) == "netvet recipe train.py"
