"""The graph of modules: from top to bottom, health by colour and sign, equal groups as one."""

from drawn import HOSTILE, base, opened, table_of


def node(name, *, label="", group="", health="healthy", value="", notes=()):
    return {"id": name, "label": label or name, "group": group, "health": health, "value": value, "notes": list(notes)}


def edge(source, target, broken=False):
    return {"source": source, "target": target, "broken": broken}


def graph(nodes, edges):
    return base("modules", kind="graph", nodes=nodes, edges=edges)


def blocks(count, sick=()):
    """A chain of blocks of three modules, with a residual edge around the last two."""
    nodes, edges = [node("in")], []
    last = "in"
    for block in range(count):
        names = [f"blocks.{block}.{one}" for one in ("norm", "linear", "add")]
        health = "error" if block in sick else "healthy"
        nodes += [node(one, group=f"blocks.{block}", health=health, notes=[f"note {block}"]) for one in names]
        edges += [edge(last, names[0]), edge(names[0], names[1], block in sick), edge(names[1], names[2])]
        edges.append(edge(names[0], names[2]))
        last = names[2]
    return graph(nodes, edges)


def drawn(page):
    return page.locator("#figure-modules g.node")


def labels(page):
    return [one.get_attribute("aria-label").split(",")[0] for one in drawn(page).all()]


def rects(page):
    read = "one => { const box = one.querySelector('.body').getBBox(); return [box.x, box.y, box.width, box.height]; }"
    return [one.evaluate(read) for one in drawn(page).all()]


def test_outputs_are_below_their_inputs_and_no_node_is_over_another(tab, tmp_path):
    names = "abcdefgh"
    edges = [edge("a", "b"), edge("a", "c"), edge("a", "d"), edge("b", "e"), edge("c", "e"), edge("d", "f")]
    edges += [edge("e", "g"), edge("f", "g"), edge("a", "g"), edge("h", "g")]
    page = opened(tab, tmp_path, graph([node(name, label=f"module {name}") for name in names], edges))
    placed = dict(zip([label[-1] for label in labels(page)], rects(page), strict=True))
    for one in edges:
        assert placed[one["source"]][1] < placed[one["target"]][1]
    boxes = list(placed.values())
    for at, (x, y, width, height) in enumerate(boxes):
        for other_x, other_y, other_width, _ in boxes[at + 1 :]:
            assert abs(y - other_y) >= height or x + width <= other_x or other_x + other_width <= x


def test_a_cycle_is_drawn_all_the_same(tab, tmp_path):
    edges = [edge("a", "b"), edge("b", "c"), edge("c", "a"), edge("c", "c"), edge("c", "unknown")]
    page = opened(tab, tmp_path, graph([node(name) for name in "abc"], edges))
    assert labels(page) == ["a", "b", "c"]


def test_health_is_told_by_a_sign_and_a_broken_edge_by_a_cross(tab, tmp_path):
    states = ["healthy", "note", "warning", "error", "unknown"]
    page = opened(tab, tmp_path, graph([node(f"{one}-node", health=one) for one in states], [
        edge("healthy-node", "error-node"), edge("note-node", "error-node", True),
    ]))  # fmt: skip
    signs = {one.locator("text.sign").text_content() for one in drawn(page).all()}
    assert len(signs) == 5
    assert page.locator("#figure-modules svg.graph .edge.broken .cross").count() == 1
    dash = page.locator("#figure-modules svg.graph .edge.broken path").first
    assert dash.evaluate("path => getComputedStyle(path).strokeDasharray") != "none"
    legend = page.locator("#figure-modules .graph-legend").inner_text()
    assert all(word in legend for word in ("healthy", "warning", "error", "not assessed", "no gradient passes"))


def test_equal_groups_are_one_node_and_the_sick_one_stays_apart(tab, tmp_path):
    page = opened(tab, tmp_path, blocks(12, sick=(7,)))
    sick = ["blocks.7.norm", "blocks.7.linear", "blocks.7.add"]
    assert labels(page) == ["in", "blocks.0 \u2026 blocks.6", *sick, "blocks.8 \u2026 blocks.11"]
    page.locator("#figure-modules").get_by_role("button", name="Show every module").click()
    assert drawn(page).count() == 37
    page.locator("#figure-modules").get_by_role("button", name="Fold equal groups").click()
    assert drawn(page).count() == 6


def test_a_chosen_node_tells_its_notes_by_click_and_by_key(tab, tmp_path):
    page = opened(tab, tmp_path, blocks(5, sick=(0,)))
    notes = page.locator("#figure-modules .node-notes")
    drawn(page).nth(1).click()
    assert notes.locator("h4").inner_text() == "blocks.0.norm"
    assert "note 0" in notes.inner_text()
    drawn(page).last.focus()
    page.keyboard.press("Enter")
    assert "4 equal groups, 12 modules." in notes.inner_text()
    notes.get_by_role("button", name="Show all 12 modules").click()
    assert drawn(page).count() == 16


def test_names_and_notes_are_text_and_the_table_has_all(tab, tmp_path):
    nodes = [node("a", label=HOSTILE, notes=[HOSTILE]), node("b", health="error", value="0")]
    page = opened(tab, tmp_path, graph(nodes, [edge("a", "b", True)]))
    drawn(page).first.click()
    assert page.locator("#figure-modules img").count() == 0
    assert table_of(page, "modules") == [
        ["module", "group", "health", "value", "inputs", "notes"], [HOSTILE, "", "healthy", "", "", HOSTILE],
        ["b", "", "error", "0", f"{HOSTILE} (no gradient)", ""],
    ]  # fmt: skip


def test_without_modules_it_says_so(tab, tmp_path):
    page = opened(tab, tmp_path, graph([], []))
    assert page.locator("#figure-modules .nothing").inner_text() == "The modules of the net were not recorded."


def test_the_culprit_says_what_is_wrong_and_is_scrolled_to(tab, tmp_path):
    nodes = [node(f"layer {n}", health="error" if n == 2 else "healthy") for n in range(40)]
    nodes[33] |= {"health": "warning", "here": "missing-nonlinearity"}
    edges = [edge(f"layer {n}", f"layer {n + 1}") for n in range(39)]
    edges[33]["here"] = "missing-nonlinearity"
    page = opened(tab, tmp_path, graph(nodes, edges))
    culprit = page.locator("#figure-modules g.node.here")
    assert "missing nonlinearity" in culprit.locator("text.value").text_content()
    assert page.locator("#figure-modules .edge.here text").text_content() == "missing nonlinearity"
    own, box = culprit.bounding_box(), page.locator("#figure-modules .graph-box").bounding_box()
    assert box["y"] <= own["y"] <= box["y"] + box["height"] - own["height"]
    assert any("warning" in row[2] and "missing-nonlinearity" in row[3] for row in table_of(page, "modules"))


def test_broken_edges_may_mean_something_else(tab, tmp_path):
    page = opened(tab, tmp_path, graph([node("a"), node("b")], [edge("a", "b", True)]) | {"broken": "state not loaded"})
    assert "state not loaded" in page.locator("#figure-modules .graph-legend").inner_text()
    assert table_of(page, "modules")[2][4] == "a (state not loaded)"
