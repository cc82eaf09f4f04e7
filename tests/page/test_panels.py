"""Panels as tabs: addresses, keys, the filter, colours, and what is drawn when."""

import pytest

from tests.page.conftest import until
from tests.page.made import figure, opened, page_of, with_figures
from tests.report.samples import softmax_signals

FIGURES = (
    figure("loss", "training", "train", signals=("loss",)),
    figure("learning-rate", "training", "Adam", signals=("lr",)),
    figure("grad-norm", "layers", "encoder.0", "encoder.1"),
    figure("weight-norm", "layers", "decoder.0"),
    figure("step-time", "cost", "seconds"),
)


@pytest.fixture
def page(tab, tmp_path):
    return opened(tab, tmp_path, with_figures(page_of(softmax_signals()), *FIGURES))


def address(page):
    return page.evaluate("location.hash")


def shown(page):
    """The panel that is visible, and only that."""
    visible = page.locator("[role=tabpanel]:visible")
    assert visible.count() == 1
    return visible.get_attribute("id").removeprefix("panel-")


def focused(page):
    return page.evaluate("document.activeElement.id")


def test_only_what_is_visible_is_drawn(page):
    assert page.locator("canvas").count() == 1  # the picture beside the verdict
    assert page.locator("figure.figure").count() == 0
    page.get_by_role("tab", name="Layers").click()
    until(page, "document.querySelectorAll('#panel-layers canvas').length === 2")
    assert page.locator("#panel-training canvas, #panel-cost canvas").count() == 0


def test_figures_far_below_are_drawn_when_they_come_near(tab, tmp_path):
    many = [figure(f"norm-{number}", "layers", "a") for number in range(30)]
    page = opened(tab, tmp_path, with_figures(page_of(softmax_signals()), *many), "#layers")
    assert 0 < page.locator("canvas").count() < 10
    page.locator("figure.figure").last.scroll_into_view_if_needed()
    until(page, "document.querySelector('figure.figure:last-child canvas') !== null")
    assert page.locator("canvas").count() < 30


def test_address_names_panel_and_figure_on_load(tab, tmp_path):
    page = opened(tab, tmp_path, with_figures(page_of(softmax_signals()), *FIGURES), "#layers/weight-norm")
    assert shown(page) == "layers"
    assert focused(page) == "figure-weight-norm"
    assert page.locator("#figure-weight-norm").evaluate("e => e.getBoundingClientRect().top < innerHeight")


def test_unknown_address_is_the_home(tab, tmp_path):
    page = opened(tab, tmp_path, with_figures(page_of(softmax_signals()), *FIGURES), "#nothing/%E0%A4%A")
    assert shown(page) == "home"


def test_back_and_forward_go_through_what_was_shown(page):
    page.get_by_role("tab", name="Training").click()
    page.get_by_role("link", name="learning rate").click()
    page.get_by_role("tab", name="Cost").click()
    assert (address(page), shown(page)) == ("#cost", "cost")
    page.go_back()
    until(page, "document.activeElement.id === 'figure-learning-rate'")
    assert (address(page), shown(page)) == ("#training/learning-rate", "training")
    page.go_back()
    page.go_back()
    until(page, "!document.getElementById('panel-home').hidden")
    page.go_forward()
    until(page, "!document.getElementById('panel-training').hidden")


def test_arrows_walk_through_the_tabs(page):
    tab = page.get_by_role("tab", name="Home")
    tab.focus()
    assert tab.get_attribute("aria-selected") == "true"
    page.keyboard.press("ArrowRight")
    assert (shown(page), focused(page)) == ("training", "tab-training")
    page.keyboard.press("End")
    assert shown(page) == "cost"
    page.keyboard.press("ArrowRight")
    assert shown(page) == "home"
    page.keyboard.press("ArrowLeft")
    assert shown(page) == "cost"
    assert page.locator("[role=tab][tabindex='0']").count() == 1


def test_digits_choose_panels_and_letters_walk_through_figures(page):
    page.keyboard.press("2")
    assert shown(page) == "training"
    page.keyboard.press("j")
    assert focused(page) == "figure-loss"
    page.keyboard.press("j")
    page.keyboard.press("j")
    assert focused(page) == "figure-learning-rate"
    page.keyboard.press("k")
    assert focused(page) == "figure-loss"
    page.keyboard.press("9")
    assert shown(page) == "training"


def test_question_mark_lists_the_keys(page):
    page.keyboard.press("?")
    assert page.get_by_role("dialog", name="Keys").is_visible()
    page.keyboard.press("Escape")
    assert not page.get_by_role("dialog", name="Keys").is_visible()


def test_filter_finds_titles_and_names_of_layers(page):
    page.keyboard.press("/")
    page.keyboard.type("ENCODER.1")
    assert page.locator("p[role=status]").inner_text() == "1 of 5 figures"
    assert page.get_by_role("tab", name="Layers 1").is_visible()
    page.keyboard.press("Enter")
    assert shown(page) == "layers"
    assert page.locator("figure.figure:visible").count() == 1
    page.keyboard.press("/")
    page.keyboard.press("Escape")
    assert page.locator("figure.figure:visible").count() == 2


def test_filter_typed_in_another_panel_says_that_nothing_is_here(page):
    page.keyboard.press("2")
    page.keyboard.press("/")
    page.keyboard.type("decoder 2 9")  # digits go to the box, not to the panels
    assert shown(page) == "training"
    assert page.get_by_text("No figure here has this").is_visible()


def test_figure_says_which_findings_it_shows(page):
    page.keyboard.press("2")
    chip = page.locator("#figure-learning-rate .chip")
    assert chip.all_inner_texts() == ["lr-too-high"]
    chip.click()
    assert (shown(page), focused(page)) == ("home", "cause-lr-too-high")


def test_figure_that_cannot_be_drawn_says_so_and_spares_the_others(tab, tmp_path):
    broken = figure("broken", "training", "a") | {"curves": None}
    page = opened(tab, tmp_path, with_figures(page_of(softmax_signals()), broken, FIGURES[1]), "#training")
    assert page.locator("#figure-broken").get_by_text("could not be drawn").is_visible()
    assert page.locator("#figure-learning-rate canvas").count() == 1


def test_colours_follow_the_system_and_the_choice_is_kept(tab, tmp_path):
    page = opened(tab, tmp_path, with_figures(page_of(softmax_signals()), *FIGURES))
    theme = "document.documentElement.dataset.theme"
    page.emulate_media(color_scheme="dark")
    until(page, f"{theme} === 'dark'")
    page.get_by_label("Colours").select_option("light")
    assert page.evaluate(theme) == "light"
    page.reload()
    until(page, "window.netvetReady === true")
    assert page.evaluate(theme) == "light"


def test_newer_state_of_the_run_updates_what_is_open(page):
    page.keyboard.press("2")
    until(page, "document.querySelectorAll('#panel-training canvas').length === 2")
    page.evaluate("""async () => {
      const next = await netvet.unpacked(document.getElementById("netvet-page").textContent);
      next.figures[0].curves[0].x.push(10); next.figures[0].curves[0].y.push(-7);
      next.figures.push({...next.figures[0], id: "val-loss", title: "val loss"});
      next.home.headline[0].text = "Now it is well";
      next.pictures = {"loss-plateau": ["val-loss", "loss"]};
      netvet.page.update(next);
    }""")
    assert page.locator("#panel-training figure.figure").count() == 3
    assert "to -7" in page.locator("#figure-loss .drawing").get_attribute("aria-label")
    assert page.locator("#panel-training .chip").all_inner_texts() == ["loss-plateau", "loss-plateau"]
    assert shown(page) == "training"
    page.keyboard.press("1")
    assert page.get_by_text("Now it is well").is_visible()
    assert page.locator("#panel-home canvas").count() == 1


def test_prints_all_panels_light_and_without_controls(tab, tmp_path):
    page = opened(tab, tmp_path, with_figures(page_of(softmax_signals()), *FIGURES))
    page.emulate_media(color_scheme="dark", media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("[role=tabpanel]:visible").count() == 4
    assert page.locator("canvas").count() == 6
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert not page.locator("nav, .tools, .copy").first.is_visible()
    assert page.get_by_text("stays near 2.30").first.is_visible()
    assert page.locator(".figure").first.evaluate("e => getComputedStyle(e).breakInside") == "avoid"
    assert page.locator("main").evaluate("e => e.getBoundingClientRect().width") <= 700
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    page.emulate_media(color_scheme="dark", media="screen")
    assert shown(page) == "home"
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert page.pdf()[:5] == b"%PDF-"


def grouped(name, outcome):
    group = {"name": name.partition("-")[0], "outcome": outcome, "message": "so it went"}
    return figure(name, "experiments", "a") | {"group": group}


EXPERIMENTS = (
    grouped("first-a", "passed"), grouped("first-b", "passed"), grouped("second-a", "failed"),
    grouped("third-a", "failed"), grouped("fourth-a", "failed"),
)  # fmt: skip


def open_groups(page):
    return page.locator("details.group[open]").evaluate_all("all => all.map((one) => one.dataset.name)")


def test_groups_are_folded_and_the_first_that_failed_are_open(tab, tmp_path):
    page = opened(tab, tmp_path, with_figures(page_of(softmax_signals()), *EXPERIMENTS), "#experiments")
    assert open_groups(page) == ["second", "third"]
    folded = page.locator("details.group").first
    assert "first: passed; so it went" in folded.locator("summary").first.inner_text()
    assert folded.locator("canvas").count() == 0
    folded.locator("summary").first.click()
    until(page, "document.querySelectorAll('details.group canvas').length >= 2")


def test_an_address_and_the_filter_unfold_what_they_name(tab, tmp_path):
    page = opened(tab, tmp_path, with_figures(page_of(softmax_signals()), *EXPERIMENTS), "#experiments/first-b")
    assert "first" in open_groups(page)
    assert focused(page) == "figure-first-b"
    page.locator("input[type=search]").fill("fourth")
    assert "fourth" in open_groups(page)
    assert page.locator("details.group:visible").count() == 1
