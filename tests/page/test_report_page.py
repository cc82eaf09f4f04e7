"""The report as one file, in a browser."""

from netvet.core import Facts, LayerSeries
from netvet.diagnose import diagnose
from netvet.report import html, page_view, view
from netvet.testing import PlainSignals


def document(**recorded):
    source = PlainSignals(recorded)
    report = view.build(diagnose(source, []), source, selected=[], name="<img src=x onerror=alert(1)>")
    return html.document(page_view.build(report, source))


def test_opens_from_a_file_and_asks_nobody_for_anything(tab, tmp_path):
    file = tmp_path / "report.html"
    file.write_text(document(run=Facts.of({"steps": 3}), loss=LayerSeries.of(train=[3.0, 2.0, 1.0])))
    page = tab.open(file.as_uri() + "#training/loss")
    assert page.locator("#figure-loss canvas").count() == 1
    assert [request for request in tab.requests if not request.startswith("file:")] == []
