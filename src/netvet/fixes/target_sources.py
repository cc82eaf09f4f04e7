"""Where the targets of a loss come from: through loops over loaders to the line that makes them."""

from __future__ import annotations

from dataclasses import dataclass

import libcst as cst

from netvet.fixes.program import Program, Record
from netvet.fixes.source import NotApplicable, SourceFile


@dataclass(frozen=True)
class TargetSource:
    """An assignment that makes targets. `shared`: it makes those of training and evaluation alike."""

    file: SourceFile
    assign: cst.Assign
    shared: bool


def target_source(program: Program) -> TargetSource:
    """The line that makes the training targets.

    Raises:
        NotApplicable: it is not known.
    """
    found = [r for r in program.facts("losses") if r.get("phase") == "train" and r.get("target_file")]
    if found:
        return _at(program, found[0])
    return _in_dataset(program)


def _at(program: Program, record: Record) -> TargetSource:
    file, line = program.file(record, "target_")
    statement = file.statement(line)
    made = (
        [s for s in statement.body if isinstance(s, cst.Assign)]
        if isinstance(statement, cst.SimpleStatementLine)
        else []
    )
    if len(made) != 1:
        raise NotApplicable(f"line {line}, from which the targets come, makes no single thing")
    others = {
        (r.get("target_file"), r.get("target_line")) for r in program.facts("losses") if r.get("phase") != "train"
    } - {(None, None)}
    same = others == {(record.get("target_file"), record.get("target_line"))}
    # Without an evaluation to tell, a function of its own makes them all, the one with the training loop may not.
    maker, trainer = file.function(statement), program.file(record)
    training = trainer[0].function(trainer[0].statement(trainer[1]))
    apart = not others and maker is not None and maker is not training
    return TargetSource(file, made[0], same or apart)


def _in_dataset(program: Program) -> TargetSource:
    """Of a run that ended at its first loss: what the user's data set returns as second part of a sample."""
    for loader in program.facts("loaders"):
        if not loader.get("dataset_file") or loader.get("phase") == "eval":
            continue
        file, line = program.file(loader, "dataset_")
        classes = file.at(line, cst.ClassDef)
        returns = [r for c in classes[:1] for r in file.nodes(cst.Return) if c in file.around(r, cst.ClassDef)]
        for one in returns:
            if isinstance(one.value, cst.Tuple) and len(one.value.elements) == 2:
                name = _kept(one.value.elements[1].value)
                made = [a for a in file.nodes(cst.Assign) if name and file.code(a.targets[0].target) == name]
                if len(made) == 1 and classes[0] in file.around(made[0], cst.ClassDef):
                    return TargetSource(file, made[0], shared=True)
    raise NotApplicable("the line that makes the targets is not known")


def _kept(node: cst.BaseExpression) -> str:
    """`self.y` of `self.y[i]`."""
    while isinstance(node, (cst.Subscript, cst.Call)):
        node = node.value if isinstance(node, cst.Subscript) else node.func
    return cst.Module([]).code_for_node(node) if isinstance(node, cst.Attribute) else ""
