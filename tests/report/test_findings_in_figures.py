"""Findings in pictures: against their limits, and in the graph of the model."""

import math
import re

import pytest

from netvet.checks import all_checks
from netvet.report.against_limits import with_limits
from netvet.report.blamed import blamed


def finding(check="a-check", **facts):
    plain = {
        "where": None, "value": 0.8, "limit": 0.5, "evidence": {}, "severity": "error", "allowed": None,
        "kind": "cause", "location": None,
    }  # fmt: skip
    return {"check": check, "message": "too much", **plain, **facts}


def limits_of(*findings, signals=("first", "second"), figures=(), pictures=None, measures=""):
    names = {one["check"] for one in findings}
    rules = [{"name": name, "stage": "fit", "signals": list(signals), "measures": measures} for name in names]
    every, found = with_limits({"rules": rules, "findings": list(findings)}, figures, pictures or {})
    return every[len(figures) :], found


def figure(name, signals, **more):
    return {"id": name, "kind": "lines", "signals": list(signals), **more}


def graph(*nodes, edges=()):
    made = [{"id": i, "label": label, "health": "healthy", "value": "", "notes": []} for i, label in nodes]
    joined = [{"source": source, "target": target, "broken": False} for source, target in edges]
    return {"id": "model-0", "kind": "graph", "signals": [], "nodes": made, "edges": joined}


def health(made):
    return {one["id"]: one["health"] for one in made[0]["nodes"]}


def test_one_finding_stands_beside_its_limit():
    (made,), pictures = limits_of(finding(message="80% are copies."))
    assert made["categories"] == ["measured", "limit"]
    assert made["series"][0]["values"] == [0.8, 0.5]
    assert made["about"] == "80% are copies."
    assert (made["y"]["unit"], made["panel"]) == ("share", "training")
    assert pictures == {"a-check": [made["id"]]}


def test_several_findings_are_told_apart():
    places = [finding(where="train", evidence={"issue": kind}) for kind in ("dark", "blurry", "dark")]
    (made,), _ = limits_of(*places)
    assert made["categories"] == ["train, dark", "train, blurry", "train, dark (3)"]
    assert [one["name"] for one in made["series"]] == ["measured", "limit"]


@pytest.mark.parametrize("value", [None, "nan", math.inf])
def test_what_has_no_number_has_no_bar(value):
    assert limits_of(finding(value=value)) == ([], {})


def test_another_percentage_in_the_sentence_makes_no_share():
    (made,), _ = limits_of(finding(value=0.0035, limit=1e-5, message="changes by 0.0035 (83% is padding)"))
    assert made["y"] == {"label": "number in the finding", "unit": "1", "scale": "log"}


def test_the_axis_says_what_the_check_measures_and_in_which_unit():
    (made,), _ = limits_of(finding(value=900.0, limit=2.0), measures="graphs in memory [count]")
    assert made["y"] == {"label": "graphs in memory", "unit": "count", "scale": "log"}


def test_every_check_that_says_what_it_measures_says_it_with_a_unit():
    told = [one.measures for one in all_checks() if one.measures]
    assert len(told) > 90
    assert [text for text in told if not re.fullmatch(r"[^\[\]]+ \[[^\[\]]+\]", text)] == []


def test_a_figure_of_what_the_check_is_about_is_enough():
    drawn = [figure("one", ["first"])]
    assert limits_of(finding(), figures=drawn, pictures={"a-check": ["one"]}) == ([], {"a-check": ["one"]})


def test_a_figure_of_something_else_comes_second():
    drawn = [figure("one", ["second"])]
    _, pictures = limits_of(finding(), figures=drawn, pictures={"a-check": ["one"]})
    assert pictures == {"a-check": ["limit-a-check", "one"]}


def test_a_figure_that_names_the_check_is_enough():
    drawn = [figure("one", ["other"], checks=["a-check"])]
    assert limits_of(finding(), figures=drawn, pictures={"a-check": ["one"]})[0] == []


def test_a_module_that_a_finding_names_is_marked_in_all_its_calls():
    made = blamed([graph(("drop:1", "drop (call 1)"), ("drop:2", "drop (call 2)"), ("fc:1", "fc"))],
                  [finding(where="drop", severity="warning")])  # fmt: skip
    assert health(made) == {"drop:1": "warning", "drop:2": "warning", "fc:1": "healthy"}
    assert made[0]["nodes"][0]["notes"] == ["a-check: too much"]


def test_the_module_of_a_parameter_and_those_in_the_evidence_are_marked():
    of_evidence = finding(evidence={"layers": ["out"], "n": 3}, severity="note")
    made = blamed([graph(("fc:1", "fc"), ("out:2", "out"))], [finding(where="fc.weight"), of_evidence])
    assert health(made) == {"fc:1": "error", "out:2": "note"}


def test_a_name_for_many_parts_marks_none():
    made = blamed([graph(("Net:1", "Net (relu)"), ("Net:2", "Net (softmax)"))], [finding(where="Net")])
    assert set(health(made).values()) == {"healthy"}


def test_a_second_model_of_a_class_is_marked_in_the_graph_of_the_first():
    assert health(blamed([graph(("fc:1", "fc"))], [finding(where="Net#2.fc.weight")])) == {"fc:1": "error"}


def test_a_loss_is_marked_by_its_call_site():
    one = graph(("(cross_entropy):4", "cross_entropy"))
    one["nodes"][0]["notes"].append("called at train.py:9")
    assert health(blamed([one], [finding(where="train.py:9")])) == {"(cross_entropy):4": "error"}


def test_what_is_acknowledged_is_not_marked_and_the_given_figure_stays_as_it_is():
    one = graph(("fc:1", "fc"))
    assert health(blamed([one], [finding(where="fc", allowed="known")])) == {"fc:1": "healthy"}
    blamed([one], [finding(where="fc")])
    assert one["nodes"][0]["health"] == "healthy"


def called(graph, node, *places):
    next(one for one in graph["nodes"] if one["id"] == node)["notes"] += [f"called at {place}" for place in places]


def here(made):
    return {one["id"]: one.get("here") for one in made[0]["nodes"] if one.get("here")}


def test_an_operation_that_a_finding_names_is_marked_at_the_line_of_the_finding():
    one = graph(("(sqrt):1", "sqrt"), ("(sqrt):2", "sqrt"))
    called(one, "(sqrt):2", "loss.py:22")
    place = {"file": "loss.py", "line": 22, "source": None}
    assert here(blamed([one], [finding(where="sqrt", location=place)])) == {"(sqrt):2": "a-check"}


def test_of_operations_of_one_line_the_last_is_marked():
    one = graph(("(log):1", "log"), ("(mean):2", "mean"), ("(mul):3", "mul"), edges=[("(log):1", "(mean):2")])
    for node in ("(log):1", "(mean):2"):
        called(one, node, "train.py:9")
    assert here(blamed([one], [finding(where="train.py:9")])) == {"(mean):2": "a-check"}


def test_a_cause_whose_place_is_an_operation_is_marked_there_where_its_name_is_in_no_graph():
    one = graph(("(sub):1", "sub"))
    called(one, "(sub):1", "train.py:9")
    place = {"file": "train.py", "line": 9, "source": None}
    assert here(blamed([one], [finding(where="the penalty", location=place)])) == {"(sub):1": "a-check"}


def test_a_symptom_names_no_culprit():
    made = blamed([graph(("fc:1", "fc"))], [finding(where="fc", kind="symptom")])
    assert here(made) == {}
    assert health(made) == {"fc:1": "error"}


def test_of_two_causes_the_worse_is_written():
    two = [finding("small", where="fc", severity="note"), finding("large", where="fc", severity="warning")]
    assert here(blamed([graph(("fc:1", "fc"))], two)) == {"fc:1": "large"}


def test_the_way_between_two_modules_of_a_pair_is_marked():
    edges = [("fc1:1", "drop:2"), ("drop:2", "fc2:3"), ("fc2:3", "out:4"), ("drop:2", "side:3")]
    one = graph(
        *((name, name.partition(":")[0]) for name in ("fc1:1", "drop:2", "fc2:3", "side:3", "out:4")), edges=edges
    )
    made = blamed([one], [finding(evidence={"pairs": [["fc1", "fc2"]]}, severity="warning")])
    assert [(e["source"], e["target"]) for e in made[0]["edges"] if e.get("here")] == edges[:2]
    assert set(here(made)) == {"fc1:1", "fc2:3"}


def test_a_figure_that_is_its_own_proof_is_left_as_it_is():
    one = graph(("fc:1", "fc")) | {"proof": True}
    assert health(blamed([one], [finding(where="fc")])) == {"fc:1": "healthy"}
