"""Programs that fixes are tried on, with what a run would have said of them."""

import textwrap

from netvet.core import Finding, Location
from netvet.fixes import edits_of, load
from netvet.fixes.program import Program
from netvet.fixes.source import Sources

FILE = "train.py"


class Code:
    """A program in a file of its own.

    Lines are found by what stands on them, so that a test does not count.
    """

    def __init__(self, folder, text, framework="torch"):
        self.framework = framework
        self.text = textwrap.dedent(text).lstrip("\n")
        self.folder = folder
        (folder / FILE).write_text(self.text)

    def line(self, part):
        """Number of the only line that holds this text."""
        found = [i for i, line in enumerate(self.text.splitlines(), 1) if part in line]
        assert len(found) == 1, (part, found)
        return found[0]

    def at(self, part, prefix=""):
        """Fields of a record that points there."""
        return {f"{prefix}file": FILE, f"{prefix}line": self.line(part)}

    def patches(self, fix, *, finding=None, where=None, evidence=None, **facts):
        """The texts that come out of the variants of a fix.

        Args:
            finding: text on the line that the finding points to.
            facts: records of the run, by name of the fact.
        """
        found = None
        if finding is not None or evidence is not None:
            place = Location(FILE, self.line(finding)) if finding is not None else None
            found = Finding("something is wrong", where, location=place, evidence=evidence or {})
        program = Program(Sources(self.folder), facts.get, found, self.framework)
        path = str(self.folder / FILE)
        return [editor.patch().texts[path] for editor in edits_of(load(fix), self.framework)(program)]

    def changed(self, fix, **given):
        """Lines that the first variant takes away and those that it puts in."""
        made = self.patches(fix, **given)[0].splitlines()
        old = self.text.splitlines()
        return [line.strip() for line in old if line not in made], [line.strip() for line in made if line not in old]
