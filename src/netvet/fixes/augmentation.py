"""Where the augmentation of training samples is asked for, and how strong it is."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from netvet.fixes.program import Program, Site, argument
from netvet.fixes.samples import data_set, targets
from netvet.fixes.source import NotApplicable, SourceFile, called, inside

FLAG = re.compile(r"augment|^aug$|distort|jitter", re.IGNORECASE)
# Transforms of torchvision and its like that change samples at random.
RANDOM = re.compile(r"^Random|^ColorJitter$|^AutoAugment$|^TrivialAugment|^AugMix$|^ElasticTransform$|^GaussianBlur$")
DRAWS = ("rand", "random", "uniform", "rand_like")


def flags(program: Program) -> list[tuple[Site, cst.Arg]]:
    """Arguments `augment=True` of the training data set, where it is made."""
    found = []
    for site in program.training_loaders:
        for call in _makers(site):
            for one in call.args:
                switched = isinstance(one.value, cst.Name) and one.value.value == "True"
                if one.keyword is not None and switched and FLAG.search(one.keyword.value):
                    found.append((Site(site.file, call, {}), one))
    return found


def _makers(site: Site) -> Iterator[cst.Call]:
    """The call that makes the data set of a loader, in its argument or in an assignment before."""
    value = data_set(site).value
    if isinstance(value, cst.Call):
        yield value
    if isinstance(value, cst.Name):
        for one in site.file.nodes(cst.Assign):
            if targets(one) == [value.value] and isinstance(one.value, cst.Call):
                yield one.value


def random_transforms(program: Program) -> list[tuple[SourceFile, cst.Call]]:
    """Calls that make random transforms, in the files that make training loaders."""
    found = []
    for path in {s.file.path for s in program.training_loaders}:
        file = program.sources.file(path)
        for call in file.nodes(cst.Call):
            element = file.parent(call)
            if RANDOM.search(called(call)) and isinstance(element, (cst.Element, cst.Arg)):
                found.append((file, call))
    return found


def strengths(program: Program) -> list[tuple[SourceFile, cst.BaseExpression, str]]:
    """Numbers that say how strong a hand-made augmentation is, where the data set reads a sample: with half of each."""
    found: list[tuple[SourceFile, cst.BaseExpression, str]] = []
    for record in program.facts("loaders"):
        if record.get("phase") == "eval" or not record.get("dataset_file"):
            continue
        file, line = program.file(record, "dataset_")
        for scope in file.at(line, cst.FunctionDef)[:1]:
            found += _numbers(file, scope.body)
    return found


def _numbers(file: SourceFile, body: cst.CSTNode) -> Iterator[tuple[SourceFile, cst.BaseExpression, str]]:
    for node in inside(body, cst.Comparison):
        limit = node.comparisons[0].comparator
        less = isinstance(node.comparisons[0].operator, (cst.LessThan, cst.LessThanEqual))
        if less and isinstance(node.left, cst.Call) and called(node.left) in DRAWS and isinstance(limit, cst.Float):
            yield file, limit, f"{float(limit.value) / 2:g}"
    for call in inside(body, cst.Call):
        ends = [argument(call, name, i) for i, name in enumerate(("low", "high"))]
        if called(call) not in ("randint", "randrange", "integers") or ends[0] is None or ends[1] is None:
            continue
        low, high = (file.code(e.value).replace(" ", "") for e in ends if e is not None)
        if low.startswith("-") and low[1:].isdigit() and high.isdigit():  # a shift to both sides
            yield file, ends[0].value, f"-{int(low[1:]) // 2}"
            yield file, ends[1].value, str((int(high) - 1) // 2 + 1)


def none_known() -> NotApplicable:
    """Where nothing of this is found."""
    return NotApplicable("no augmentation of the training samples can be seen where their data set is made or read")
