"""Tables: sorted by any column, by pointer and by keys."""

from drawn import HOSTILE, base, opened, table_of


def plain(rows, columns=("name", "value")):
    return base("rows", kind="table", columns=list(columns), rows=rows)


def column(page, number):
    return page.locator(f"#figure-rows table.sortable tbody td:nth-child({number})").all_inner_texts()


def test_a_click_sorts_and_another_turns_it_round(tab, tmp_path):
    page = opened(tab, tmp_path, plain([["layer10", 3.0], ["layer9", None], ["layer1", 20.0]]))
    head = page.locator("#figure-rows table.sortable th")
    head.nth(1).get_by_role("button").click()
    assert column(page, 2) == ["3", "20", "\u2013"]
    assert head.nth(1).get_attribute("aria-sort") == "ascending"
    page.keyboard.press("Enter")  # the button still has the focus
    assert column(page, 2) == ["20", "3", "\u2013"]
    assert head.nth(1).get_attribute("aria-sort") == "descending"
    head.nth(0).get_by_role("button").click()
    assert column(page, 1) == ["layer1", "layer9", "layer10"]


def test_many_rows_come_in_parts(tab, tmp_path):
    page = opened(tab, tmp_path, plain([[f"row {n}", float(n)] for n in range(450)]))
    assert len(column(page, 1)) == 200
    page.locator("#figure-rows").get_by_role("button", name="Show all 450 rows").click()
    assert len(column(page, 1)) == 450


def test_cells_are_text_and_the_table_beneath_is_the_same(tab, tmp_path):
    page = opened(tab, tmp_path, plain([[HOSTILE, 1.0]], [HOSTILE, "value"]))
    assert page.locator("#figure-rows img").count() == 0
    assert table_of(page, "rows") == [[HOSTILE, "value"], [HOSTILE, "1"]]


def test_without_rows_it_says_so(tab, tmp_path):
    page = opened(tab, tmp_path, plain([]))
    assert page.locator("#figure-rows .nothing").inner_text() == "The table has no rows yet."
