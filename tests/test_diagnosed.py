"""A diagnosis that shows itself in a notebook."""

import netvet
from netvet.core import Facts
from netvet.diagnosed import diagnose
from netvet.store import Run, RunWriter
from netvet.testing import PlainSignals
from tests.report.samples import CHECKS, softmax_signals

HOSTILE = "</script><img src=x onerror=alert(1)>"


def test_a_diagnosis_shows_the_page_of_its_run(tmp_path):
    writer = RunWriter.create(tmp_path, "sick")
    writer.put_facts("run", [{"script": HOSTILE, "steps": 3, "exception": "IndexError: Target 3 is out of bounds."}])
    writer.close()
    found = netvet.diagnose(Run.open(writer.path))
    shown = found._repr_mimebundle_()
    assert found.verdicts[0].check == "label-out-of-range"
    assert shown["text/html"].startswith("<iframe srcdoc=")
    assert "<img" not in shown["text/html"]
    assert "label out of range" in shown["text/plain"]


def test_signals_without_a_store_have_a_page_too():
    assert diagnose(softmax_signals(), CHECKS)._repr_mimebundle_()["text/html"].startswith("<iframe srcdoc=")


def test_what_is_no_run_is_told_as_text():
    class Bare:
        """Signals of which nobody can read a part."""

        get = staticmethod(PlainSignals({"run": Facts.of({"steps": 3})}).get)
        reason = staticmethod(PlainSignals({}).reason)

    shown = diagnose(Bare(), CHECKS)._repr_mimebundle_()["text/html"]
    assert "There is no page: a page is made from a run, and this is a Bare" in shown
