"""Layers and tensors that the model does not know of, made known to it."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from netvet.fixes.fix import fix
from netvet.fixes.program import Program, Record
from netvet.fixes.source import Editor, NotApplicable, SourceFile, root_name


@fix(title="layers registered with the model", mends=("unregistered-parameters", "parameters-not-in-optimizer"))
def module_list(program: Program) -> Iterator[Editor]:
    """Keep layers in `nn.ModuleList` or `nn.ModuleDict`, and tensors as `nn.Parameter`.

    ## What it changes
    The line that puts a list, a dict or a tensor that needs a gradient into the module.

    ## Known problems
    Checkpoints that were saved before do not hold these parameters.

    ## References
    The documentation of `torch.nn.ModuleList`.
    """
    lost = [r for r in program.facts("unregistered") if r.get("kept_file")]
    if not lost:
        raise NotApplicable("the line that keeps these parameters is not known")
    editor = program.editor("layers registered with the model")
    done: list[cst.CSTNode] = []
    for one in lost:
        file, line = program.file(one, "kept_")
        statement = file.statement(line)
        only = statement.body[0] if isinstance(statement, cst.SimpleStatementLine) else None
        value, target = _kept(file, only)
        if not any(value is d for d in done):
            done.append(value)
            editor.replace(file, value, f"{_register(file, value, target, one)}({{}})")
            editor.require(file, "torch", "import torch")
    yield editor


def _kept(file: SourceFile, statement: cst.CSTNode | None) -> tuple[cst.BaseExpression, str]:
    """What is assigned to an attribute, and which; of a list that is filled later, where it begins."""
    if isinstance(statement, (cst.Assign, cst.AnnAssign)) and statement.value is not None:
        target = statement.target if isinstance(statement, cst.AnnAssign) else statement.targets[0].target
        if isinstance(target, cst.Attribute):
            return statement.value, file.code(target)
    call = statement.value if isinstance(statement, cst.Expr) else None
    if isinstance(call, cst.Call) and isinstance(call.func, cst.Attribute) and call.func.attr.value == "append":
        name = file.code(call.func.value)
        if root_name(call.func.value) == "self":
            for one in file.nodes(cst.Assign):
                if file.code(one.targets[0].target) == name and isinstance(one.value, cst.List):
                    return one.value, name
    raise NotApplicable("what keeps these parameters is no attribute that is assigned")


def _register(file: SourceFile, value: cst.BaseExpression, target: str, record: Record) -> str:
    nn = next((file.code(a.value) for a in file.nodes(cst.Attribute) if a.attr.value == "Module"), "torch.nn")
    owner = str(record.get("owner") or "")  # `layers[0].weight` of a layer in a list, `scales[0]` of a tensor in one
    kind = "Module" if "." in owner.rpartition("]")[2] else "Parameter"
    if "[" in owner and isinstance(value, (cst.List, cst.ListComp)):
        return f"{nn}.{kind}List"
    if "[" in owner and isinstance(value, (cst.Dict, cst.DictComp)):
        return f"{nn}.{kind}Dict"
    if isinstance(value, cst.Call) and "[" not in owner and "." not in owner:
        return f"{nn}.Parameter"
    raise NotApplicable(f"{target} is neither a list, nor a dict, nor a tensor that is made there")
