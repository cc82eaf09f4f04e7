"""The first panel of a page: what it says of runs that went wrong, well, or not at all."""

import pytest

from netvet.core import Facts, LayerSeries
from tests.page.conftest import until
from tests.page.made import opened, page_of
from tests.report.samples import RUN, SOURCE, signals, softmax_signals


def text_of(page, selector):
    return " ".join(page.locator(selector).inner_text().split())


def experiment(name, stage, verdict, message="", advice=""):
    return {
        "experiment": name, "stage": stage, "title": name, "verdict": verdict, "message": message, "next": advice,
        "gate": True, "suspects": [], "notes": ["made on a copy"],
    }  # fmt: skip


def test_says_cause_proof_place_change_and_the_command_that_proves_it(tab, tmp_path):
    (tmp_path / "train.py").write_text(SOURCE)
    page = opened(tab, tmp_path, page_of(softmax_signals(), tmp_path))
    verdict = text_of(page, ".verdict")
    assert "Training is wrong: double softmax - and 1 more cause." in text_of(page, "h2.headline")
    assert "with 10 classes the loss cannot fall below 1.46" in verdict
    assert "1.46 against a limit of 1.2" in verdict
    assert "train.py:5 return F.softmax(self.out(x), dim=1) # classes" in verdict
    assert "Return the raw scores from forward" in verdict
    assert "netvet fix train.py --epochs 3" in verdict


def test_folds_the_symptoms_beneath_their_cause(tab, tmp_path):
    page = opened(tab, tmp_path, page_of(softmax_signals()))
    folded = page.locator(".verdict details[data-key^=symptoms]")
    assert "Explains 2 symptoms: loss-plateau, small-gradients" in folded.inner_text()
    assert not page.get_by_text("stays near 2.30").first.is_visible()
    folded.locator("summary").click()
    assert folded.get_by_text("stays near 2.30").is_visible()


def test_draws_the_figure_that_proves_the_cause_and_leads_to_it(tab, tmp_path):
    page = opened(tab, tmp_path, page_of(softmax_signals()))
    picture = page.locator(".verdict .proof-figure")
    assert picture.locator("text.number").all_text_contents() == ["1.46", "1.2"]
    assert picture.locator(".drawing").get_attribute("aria-label").startswith("Double softmax: against its limit.")
    picture.get_by_role("link", name="Double softmax").click()
    assert page.locator("#panel-training").is_visible()
    assert page.evaluate("document.activeElement.id") == "figure-limit-double-softmax"


def test_lists_further_causes_with_what_is_known_of_them(tab, tmp_path):
    page = opened(tab, tmp_path, page_of(softmax_signals()))
    card = text_of(page, "#cause-lr-too-high")
    assert "lr too high" in card
    assert "Divide the learning rate by ten." in card
    assert "netvet fix --for lr-too-high train.py --epochs 3" in card


def test_copies_the_command(tab, tmp_path):
    page = opened(tab, tmp_path, page_of(softmax_signals()))
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    button = page.locator(".verdict .copy")
    button.click()
    until(page, "document.querySelector('.verdict .copy').textContent === 'Copied'")
    assert page.evaluate("navigator.clipboard.readText()") == "netvet fix train.py --epochs 3"


def test_healthy_says_that_no_fault_was_seen_and_shows_how_it_went(tab, tmp_path):
    page = opened(tab, tmp_path, page_of(signals()))
    assert text_of(page, "h2.headline").endswith("No fault seen: 5 checks looked, 1 could not.")
    assert page.locator(".verdict.edge-good .proof-figure canvas").count() == 1
    assert "netvet fix" not in page.locator("main").inner_text()


def test_undetermined_names_what_was_ruled_out_and_what_is_open(tab, tmp_path):
    flat = LayerSeries.of(**{"train.py:9": [2.3, 2.3, 2.3, 2.3]})
    page = opened(tab, tmp_path, page_of(signals(loss=flat)))
    verdict = text_of(page, ".verdict")
    assert "Something is wrong (loss plateau), but its cause is undetermined." in verdict
    assert "Ruled out double-softmax, lr-too-high" in verdict
    assert "dead-relu (the model has no ReLU)" in verdict


def test_crashed_run_says_so_above_the_verdict(tab, tmp_path):
    died = {**RUN, "ended": "exception", "exception": "IndexError: index out of range", "exception_file": "train.py",
            "exception_line": 9}  # fmt: skip
    page = opened(tab, tmp_path, page_of(softmax_signals(run=Facts.of(died))))
    assert "The script stopped after 1,230 steps: IndexError: index out of range (train.py:9)" in text_of(
        page, ".ending"
    )
    assert "double softmax" in text_of(page, "h2.headline")


def test_run_without_an_end_says_so(tab, tmp_path):
    page = opened(tab, tmp_path, page_of(signals(run=Facts.of({**RUN, "ended": None}))))
    assert "killed, or still running" in text_of(page, ".ending")
    assert "No fault seen until then" in text_of(page, "h2.headline")


def test_nothing_to_judge_is_no_clean_bill(tab, tmp_path):
    page = opened(tab, tmp_path, page_of(signals(run=Facts.of({**RUN, "steps": 0}))))
    assert "Not judged: no training step was seen" in text_of(page, "h2.headline")
    assert page.locator(".verdict.edge-good").count() == 0


def test_audit_speaks_of_data(tab, tmp_path):
    audit = {"started": RUN["started"], "ended": "ok", "samples": 650, "seconds": 3.0}
    splits = [{"split": "train", "samples": 500, "kind": "table", "classes": [], "counts": []}]
    losses = softmax_signals().get("losses")
    page = opened(tab, tmp_path, page_of(signals(run=Facts.of(audit), data_splits=Facts.of(*splits), losses=losses)))
    assert "The data are wrong" in text_of(page, "h2.headline")
    assert page.locator("main table").get_by_text("500").is_visible()
    assert "Prove it" not in text_of(page, ".verdict")


def test_without_a_recipe_the_stages_are_those_of_the_checks_and_the_command_is_named(tab, tmp_path):
    page = opened(tab, tmp_path, page_of(softmax_signals()))
    assert page.locator(".stage").count() == 3
    assert page.locator(".stage .gate").all_inner_texts() == ["nothing wrong seen", "faults seen", "faults seen"]
    assert "netvet recipe train.py --epochs 3" in page.locator(".how").inner_text()


def test_recipe_is_a_checklist_of_six_stages_with_gates(tab, tmp_path):
    records = Facts.of(
        experiment("initial-loss", "skeleton", "passed", "begins at 2.3"),
        experiment("overfit-batch", "overfit", "failed", "32 samples could not be learned", "Look for a mistake."),
        experiment("dropout-trial", "regularise", "not assessed", "no time"),
    )
    page = opened(tab, tmp_path, page_of(signals(experiments=records)))
    gates = page.locator(".stage .gate").all_inner_texts()
    assert gates == ["passed", "passed", "failed", "not yet", "not yet", "not yet"]
    assert "overfit-batch: 32 samples could not be learned Look for a mistake." in text_of(page, ".stages")
    assert "Next: Look for a mistake." in page.locator("main").inner_text()
    assert page.locator(".how").count() == 0
    assert page.get_by_text("Note: made on a copy").is_visible()


def test_tells_the_facts_of_the_run_what_was_not_assessed_and_the_problems(tab, tmp_path):
    source = signals(environment=Facts.of({"seed": 7, "torch": "2.13"}))
    page = opened(tab, tmp_path, page_of(source, problems=("the disk is full",)))
    said = text_of(page, "main")
    assert all(
        word in said for word in ("train.py --epochs 3", "1,230", "20.0 s", "0.8 % of the time", "Seed 7", "2.13")
    )
    assert "the disk is full" in said
    blind = page.locator("details[data-key=blind]")
    assert "1 of 6 checks could not look" in blind.inner_text()
    blind.locator("summary").click()
    assert "the model has no ReLU (1): dead-relu" in " ".join(blind.inner_text().split())


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_is_wider_than_the_screen(tab, tmp_path, width):
    page = opened(tab, tmp_path, page_of(softmax_signals(run=Facts.of({**RUN, "arguments": ["--x", "y" * 300]}))))
    page.set_viewport_size({"width": width, "height": 800})
    for address in ("#home", "#training"):
        page.evaluate("address => { location.hash = address }", address)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
