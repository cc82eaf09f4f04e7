"""What `netvet fix` would change in a program of a framework, by what a run of it has recorded."""

from netvet.fixes import load
from netvet.fixes.program import Program
from netvet.fixes.source import NotApplicable, Sources
from netvet.store import Run
from tests.program import call


class Recorded:
    """A program that has run once under `netvet run`, in a folder of its own."""

    def __init__(self, path, folder):
        self.folder, self.path = folder, folder / path.name
        self.path.write_text(path.read_text())
        _, err = call(["-m", "netvet", "run", "--quiet", "--no-probes", path.name], folder)
        runs = Run.list(folder / ".netvet" / "runs")
        assert runs, err
        self.run = Run.open(runs[0].path)

    def put_in(self, fix):
        """The lines that the first variant of a fix puts in; those that it cannot be made for, with the reason."""
        program = Program(Sources(self.folder), self.run.get)
        old = self.path.read_text().splitlines()
        try:
            patch = next(iter(load(fix).make(program))).patch()
        except NotApplicable as error:
            return [f"not applicable: {error}"]
        (text,) = patch.texts.values()
        return [line.strip() for line in text.splitlines() if line not in old]
