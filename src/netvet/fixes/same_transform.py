"""The transform of the training data before the evaluation data too."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from netvet.fixes.edits import set_argument
from netvet.fixes.fix import fix
from netvet.fixes.program import Program, Site, argument
from netvet.fixes.samples import assigns, targets
from netvet.fixes.source import Editor, NotApplicable, SourceFile, called

# What changes samples at random, in names of transforms: it belongs before training data only.
RANDOM = re.compile(r"random|jitter|augment|erasing|flip|crop|noise|mixup|cutout|elastic", re.IGNORECASE)
# Names of arguments that say how samples are transformed.
KINDS = re.compile(r"transform|normali|scale|scaling|mean|std|preprocess|offset", re.IGNORECASE)
STATISTICS = ("mean", "std", "var", "min", "max", "amin", "amax", "median", "quantile")


@fix(title="evaluation data transformed as training data are", mends=("mismatched-normalisation",))
def same_transform(program: Program) -> Iterator[Editor]:
    """Put the transform of the training data, with the same numbers, before the evaluation data.

    ## What it changes
    The argument that the training data set is given and the evaluation data set is not; or, where training data are
    scaled by a line of their own, a line that says the same of the evaluation data.

    ## Known problems
    A transform that draws random numbers is not taken over.

    ## References
    scikit-learn, "Common pitfalls and recommended practices", section 1.
    """
    records = [r for r in program.facts("inputs") if r.get("phase") in ("train", "eval")]
    sides = [next((r for r in records if r.get("phase") == phase), None) for phase in ("train", "eval")]
    if sides[0] is None or sides[1] is None:
        raise NotApplicable("where the data of training and of evaluation are made is not known")
    editor = program.editor("evaluation data transformed as training data are")
    if not _given(program, editor, sides[0], sides[1]) and not _said(program, editor, sides[0], sides[1]):
        raise NotApplicable("how the training data are transformed, and evaluation data are not, cannot be seen")
    yield editor


def _given(program: Program, editor: Editor, train: object, val: object) -> bool:
    """Whether both data sets are made by the same call, and one argument was missing or another."""
    try:
        first, second = (program.site(r, prefix="given_") for r in (train, val))  # type: ignore[arg-type]
    except NotApplicable:
        return False
    if (
        called(first.call) == "DataLoader"
        or called(first.call) != called(second.call)
        or first.call is second.call
        or first.file is not second.file
    ):
        return False
    if first.file.function(first.call) is not first.file.function(second.call):
        return False
    given = [a for a in first.call.args if a.keyword is not None and _differs(first, second, a)]
    plain, other = ([a for a in s.call.args if a.keyword is None] for s in (first, second))
    given += plain[len(other) :]
    if not given:
        return False
    for one in given:
        _no_augmentation(first, one)
        code = first.code(one.value)
        if one.keyword is not None:
            set_argument(editor, second, one.keyword.value, code)
        else:
            name = _parameter(first, plain.index(one))
            if not KINDS.search(name):
                return False
            set_argument(editor, second, name, code)
    return True


def _differs(first: Site, second: Site, one: cst.Arg) -> bool:
    """A keyword that says how samples are transformed, given to the first alone or in another way."""
    assert one.keyword is not None
    name = one.keyword.value
    other = argument(second.call, name)
    if other is not None and first.code(other.value) == first.code(one.value):
        return False
    return bool(KINDS.search(name))


def _parameter(site: Site, position: int) -> str:
    """Name of a parameter of what a call calls, where that is in the same file.

    Raises:
        NotApplicable: it is not.
    """
    name = called(site.call)
    classes = [c for c in site.file.nodes(cst.ClassDef) if c.name.value == name]
    functions = [f for f in site.file.nodes(cst.FunctionDef) if f.name.value == (name if not classes else "__init__")]
    if classes:
        functions = [f for f in functions if next(site.file.around(f, cst.ClassDef), None) is classes[0]]
    names = [p.name.value for f in functions[:1] for p in f.params.params if p.name.value != "self"]
    if position >= len(names):
        raise NotApplicable(f"how {name} is given the transform cannot be seen")
    return names[position]


def _no_augmentation(site: Site, one: cst.Arg) -> None:
    code = site.code(one.value)
    made = [site.file.code(a.value) for a in assigns(site.file) if code in targets(a)]
    if RANDOM.search(code) or any(RANDOM.search(text) for text in made):
        raise NotApplicable("the transform of the training data draws random numbers: evaluation needs one without")


def _said(program: Program, editor: Editor, train: object, val: object) -> bool:
    """Whether a line scales the training data, which is said of the evaluation data too."""
    try:
        (file, line), (other, second) = (program.file(r, "data_") for r in (train, val))  # type: ignore[arg-type]
    except NotApplicable:
        return False
    mine, theirs = file.at(line, cst.Assign), other.at(second, cst.Assign)
    if file is not other or not mine or not theirs or mine[0] is theirs[0]:
        return False
    scaled, made = mine[0], theirs[0]
    names, values = targets(scaled), targets(made)
    if len(names) != 1 or not values or file.function(scaled) is not file.function(made):
        return False
    name = names[0]
    if not re.search(rf"\b{name}\b", file.code(scaled.value)) or "rand" in file.code(scaled.value):
        return False
    mate = _mate(file, name, values, scaled)
    if mate is None:
        return False
    code = _of_other(file, scaled.value, name, mate)
    before = file.line(made) < file.line(scaled)
    if not before and re.search(rf"\b{name}\b", code):
        return False  # its statistics are gone by then
    line_of_code = f"{mate} = {code}\n"
    if before:
        editor.insert(file, scaled, before=line_of_code)
    else:
        editor.insert(file, made, after=line_of_code)
    return True


def _mate(file: SourceFile, name: str, values: list[str], scaled: cst.Assign) -> str | None:
    """The evaluation data beside training data of this name: `x_val` beside `x_train`."""
    others = [v for v in values if v != name]
    if len(others) == 1:
        return others[0]
    stem = re.sub(r"train(ing)?|tr\b", "", name, flags=re.IGNORECASE).strip("_")
    same = [
        v for v in others if re.sub(r"val(id(ation)?)?|test|eval|dev", "", v, flags=re.IGNORECASE).strip("_") == stem
    ]
    return same[0] if len(same) == 1 and file.line(scaled) else None


def _of_other(file: SourceFile, value: cst.BaseExpression, name: str, mate: str) -> str:
    """The same of other data, with the statistics of the training data: `x.mean()` stays."""
    kept = "|".join(STATISTICS)
    return re.sub(rf"(?<![\w.]){re.escape(name)}\b(?!\.({kept})\()", mate, file.code(value))
