"""Where the samples of a program come from: its loaders, what they are given, what enters its models."""

from __future__ import annotations

import re

import libcst as cst

from netvet.fixes.program import Program, Record, Site, argument
from netvet.fixes.source import Editor, NotApplicable, SourceFile, called, inside


def training_input(program: Program, *, floating: bool = True) -> Record:
    """The record of the input of the finding's model in training, or of the only model.

    Raises:
        NotApplicable: several inputs could be meant, or none.
    """
    found = [r for r in program.facts("inputs") if r.get("phase") == "train"]
    if floating:
        found = [r for r in found if is_floating(r) and not r.get("embedding_rows")]
    where = program.finding.where if program.finding is not None else None
    message = program.finding.message if program.finding is not None else ""
    named = [r for r in found if where == r.get("model") and f"input {r.get('position')} of" in message]
    chosen = named or [r for r in found if r.get("model") == where] or found
    if len(chosen) != 1:
        raise NotApplicable(f"the models are given {len(chosen)} inputs, and which is meant is not known")
    return chosen[0]


def is_floating(record: Record) -> bool:
    """Numbers, and no ids or pixels that the model converts itself."""
    return str(record.get("dtype")).removeprefix("torch.").startswith(("float", "bfloat"))


def loader(program: Program) -> Site:
    """The only loader of training samples, of a data set that can be indexed.

    Raises:
        NotApplicable: there is none, or several, or evaluation uses it as well.
    """
    sites = program.training_loaders
    if len({id(s.call) for s in sites}) > 1:
        raise NotApplicable(
            f"the program has {len(sites)} loaders of training samples, and which is meant is not known"
        )
    site = sites[0]
    if site.record.get("iterable"):
        raise NotApplicable("the data set is a stream: its samples have no indices")
    if site.record.get("phase") == "both" or _serves_evaluation(program, site):
        raise NotApplicable(f"the line that makes the training loader ({_place(site)}) makes others too")
    return site


def _serves_evaluation(program: Program, site: Site) -> bool:
    mine = (site.record.get("created_file"), site.record.get("created_line"))
    others = (r for r in program.facts("loaders") if r.get("phase") == "eval")
    return any((r.get("created_file"), r.get("created_line")) == mine for r in others)


def _place(site: Site) -> str:
    return f"line {site.file.line(site.call)}"


def data_set(site: Site) -> cst.Arg:
    """The data set that a loader is given.

    Raises:
        NotApplicable: it is not given by itself.
    """
    given = argument(site.call, "dataset", 0)
    if given is None:
        raise NotApplicable("the data set is not an argument of the DataLoader")
    return given


def free_of(site: Site, *names: str) -> None:
    """That none of these arguments is given.

    Raises:
        NotApplicable: one is.
    """
    for name in names:
        given = argument(site.call, name)
        if given is not None and site.code(given.value) not in ("None", "False"):
            raise NotApplicable(f"the loader is given {name}")
    if any(a.star for a in site.call.args):
        raise NotApplicable("the loader is given arguments with a star")


def named_data_set(editor: Editor, site: Site) -> str:
    """Its name; one that is made in the call gets a variable of its own before."""
    value = data_set(site).value
    if isinstance(value, cst.Name):
        return value.value
    name = unused(site.file, "train_set")
    editor.insert(site.file, site.call, before=f"{name} = {site.code(value)}\n")
    editor.replace(site.file, value, name)
    return name


def reassign(editor: Editor, site: Site, name: str, code: str) -> None:
    """Give a loader another data set under the name that `named_data_set` gave; a global one is not written to."""
    value = data_set(site).value
    if isinstance(value, cst.Name) and not _is_local(site, name):
        editor.replace(site.file, value, code)
    else:
        editor.insert(site.file, site.call, before=f"{name} = {code}\n")


def labels(editor: Editor, site: Site, name: str) -> None:
    """Put a line before a loader that reads the classes of its data set into `labels`."""
    file, made = site.file, data_set(site).value
    if site.record.get("dataset") == "TensorDataset":
        given = made.args[-1].value if isinstance(made, cst.Call) and called(made) == "TensorDataset" else None
        code = f"{file.code(given) if isinstance(given, cst.Name) else f'{name}.tensors[-1]'}.flatten().long()"
    else:
        code = f"torch.tensor([int({name}[index][-1]) for index in range(len({name}))])"
    editor.insert(file, site.call, before=f"{unused(file, 'train_labels')} = {code}\n")
    editor.require(file, "torch", "import torch")


def one_class_each(program: Program, site: Site) -> None:
    """That each sample of a loader has one class, and that the loader has no sampler yet.

    Raises:
        NotApplicable: it is not so.
    """
    kinds = {r.get("kind") for r in program.facts("targets") if r.get("phase") == "train"}
    if not kinds <= {"classes", "binary"} or not kinds:
        raise NotApplicable("the targets are not one class a sample")
    free_of(site, "sampler", "batch_sampler")
    if len([a for a in site.call.args if a.keyword is None]) > 2:
        raise NotApplicable("the loader is given shuffle without its name")


def with_data_set(editor: Editor, site: Site, code: str) -> None:
    """Give a loader another data set; `{}` is what stood there, which keeps its name where it has one."""
    value = data_set(site).value
    if isinstance(value, cst.Name) and _is_local(site, value.value):
        editor.insert(site.file, site.call, before=f"{value.value} = {code.replace('{}', value.value)}\n")
    else:
        editor.replace(site.file, value, code)


def _is_local(site: Site, name: str) -> bool:
    """Whether the function that makes the loader also assigns the name, or has it as a parameter."""
    function = site.file.function(site.call)
    names = {n for a in assigns(site.file) for n in targets(a) if site.file.function(a) is function}
    return name in names or (function is not None and name in {p.name.value for p in function.params.params})


def assigns(file: SourceFile) -> list[cst.Assign]:
    """All assignments of a file, in order."""
    return file.nodes(cst.Assign)


def targets(one: cst.Assign) -> list[str]:
    """Names that an assignment binds."""
    found = []
    for target in one.targets:
        elements = target.target.elements if isinstance(target.target, (cst.Tuple, cst.List)) else ()
        for node in [e.value for e in elements] or [target.target]:
            found += [node.value] if isinstance(node, cst.Name) else []
    return found


def assignment(file: SourceFile, line: int) -> cst.Assign:
    """The assignment that covers a line.

    Raises:
        NotApplicable: none does.
    """
    found = file.at(line, cst.Assign)
    if not found:
        raise NotApplicable(f"nothing is assigned at line {line}")
    return found[0]


def calls_of(node: cst.CSTNode, *names: str) -> list[cst.Call]:
    """Calls of functions with these names within a node."""
    return [c for c in inside(node, cst.Call) if called(c) in names]


def twins(file: SourceFile, one: cst.Assign) -> list[cst.Assign]:
    """Assignments of the same function that say the same of another variable: of `x_val` what one says of `x_train`."""
    names = targets(one)
    if len(names) != 1:
        return []
    code, function, found = file.code(one.value), file.function(one), []
    for other in assigns(file):
        name = targets(other)
        if other is one or len(name) != 1 or file.function(other) is not function:
            continue
        if re.sub(rf"\b{re.escape(names[0])}\b", name[0], code) == file.code(other.value):
            found.append(other)
    return found


def unused(file: SourceFile, name: str) -> str:
    """The name, with an underscore if the file uses it already."""
    taken = {n.value for n in file.nodes(cst.Name)}
    while name in taken:
        name += "_"
    return name


def define(editor: Editor, file: SourceFile, code: str, *modules: str) -> None:
    """Put definitions behind the last import at the top of a file, and the imports of modules that they need."""
    body = list(file.module.body)
    top = [s for s in body if isinstance(s, cst.SimpleStatementLine) and _imports(s)]
    known = {
        file.code(name).rstrip(", ") for s in top for one in s.body if isinstance(one, cst.Import) for name in one.names
    }
    lines = "".join(f"import {m}\n" for m in modules if m not in known)
    code = f"{lines}\n\n{code}"
    if not top:
        editor.begin(file, code)
        return
    editor.insert(file, top[-1], after=code)
    for following in body[body.index(top[-1]) + 1 :][:1]:
        editor.change(file, following, _two_lines_below)


def _two_lines_below(old: cst.CSTNode) -> cst.CSTNode:
    """A statement with two empty lines before it."""
    lines = list(getattr(old, "leading_lines", ()))
    while lines and lines[0].comment is None:
        lines.pop(0)
    return old.with_changes(leading_lines=[cst.EmptyLine(indent=False)] * 2 + lines)


def _imports(statement: cst.SimpleStatementLine) -> bool:
    return any(isinstance(one, (cst.Import, cst.ImportFrom)) for one in statement.body)
