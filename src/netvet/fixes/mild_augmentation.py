"""Training images shifted a little."""

from __future__ import annotations

import re
from collections.abc import Iterator

from netvet.fixes.edits import functional
from netvet.fixes.fix import fix
from netvet.fixes.preprocessing import call_sites
from netvet.fixes.program import Program, Record
from netvet.fixes.samples import define, training_input, unused
from netvet.fixes.source import Editor, NotApplicable, SourceFile

# Of the height: 1 pixel of 8, 2 of 28 and 32, as the shifts by which these data are usually augmented.
SHARE = 1 / 14
SMALLEST = 8  # pixels; what is smaller is a table of numbers rather than an image
FRESH = 0.5  # share of samples that are new in the second epoch, from which on they are augmented already
# Images that are something else, or nothing, in a mirror.
SIDED = re.compile(r"mnist|digit|svhn|letter|character|alphabet|usps|plate|traffic|gtsrb|spectro", re.IGNORECASE)
SHIFT = '''def {name}(images):
    """Each image moved by up to {pixels} pixel{s} to each side{also}; its border is repeated there."""
    padded = {functional}.pad(images, ({pixels},) * 4, mode="replicate")
    image, channel, row, column = (torch.arange(n, device=images.device) for n in images.shape)
    image, channel, row = image[:, None, None, None], channel[:, None, None], row[:, None]
    top, left = torch.randint(0, {range}, (2, *image.shape), device=images.device)
'''
PLAIN = "    return padded[image, channel, top + row, left + column]\n"
MIRRORED = """    moved = padded[image, channel, top + row, left + column]
    mirrored = torch.rand(image.shape, device=images.device) < 0.5
    return torch.where(mirrored, moved.flip(3), moved)
"""


@fix(title="training images shifted a little", mends=("overfitting", "too-few-samples"), changes_loss=True)
def mild_augmentation(program: Program) -> Iterator[Editor]:
    """Shift each training image by a pixel or two at random; colour images are mirrored as well in a second variant.

    ## What it changes
    A function through which the images go where the model is called in training; where the same line serves
    evaluation, only while the model is in training mode.

    ## Known problems
    Where the position says what an image shows (cells of a form, maps), a shift changes what is right. Images are not
    mirrored where the program speaks of digits, letters or signs; other data that have a left and a right are not
    known to it. Training takes more epochs, and its loss and accuracy get worse.

    ## References
    Krizhevsky, Sutskever and Hinton, "ImageNet classification with deep convolutional neural networks" (2012), section
    4.1. Shorten and Khoshgoftaar, "A survey on image data augmentation for deep learning" (2019).
    """
    record = training_input(program)
    shape = list(record.get("shape") or ())
    if len(shape) != 4 or shape[1] not in (1, 3, 4) or min(shape[2:]) < SMALLEST:
        raise NotApplicable("the inputs are no images")
    if any((r.get("epoch_fresh") or 0) > FRESH for r in program.facts("samples")):
        raise NotApplicable("the training samples are augmented already")
    _one_class_each(program)
    pixels = max(1, round(SHARE * min(shape[2:])))
    yield _changed(program, record, f"training images shifted by up to {pixels}", "shifted", pixels, PLAIN)
    file = _training_calls(program, record)[0][0]
    if shape[1] == 3 and not SIDED.search(file.text):
        what = f"training images shifted by up to {pixels} and mirrored"
        yield _changed(program, record, what, "augmented", pixels, MIRRORED)


def _one_class_each(program: Program) -> None:
    """That a target says what the whole image shows, and not where.

    Raises:
        NotApplicable: it does not.
    """
    found = [r for r in program.facts("losses") if r.get("phase") == "train" and r.get("feeds_backward") is not False]
    kinds = {t.get("kind") for t in program.facts("targets") if t.get("phase") == "train"}
    shapes = [list((r.get("target") or {}).get("shape") or ()) for r in found]
    flat = all(len(s) == 1 or (len(s) == 2 and s[1] <= 1) for s in shapes)
    if not found or not flat or not kinds or not kinds <= {"classes", "binary"}:
        raise NotApplicable("the targets are not one class an image")


def _training_calls(program: Program, record: Record) -> list[tuple[SourceFile, int, bool]]:
    """File and line of the calls of the model in training, and whether evaluation uses the line too."""
    found: dict[tuple[str, int], set[bool]] = {}
    for one in program.facts("calls"):
        if one.get("model") == record.get("model"):
            file, line = program.file(one)
            found.setdefault((file.path, line), set()).add(one.get("phase") == "train")
    lines = [(program.sources.file(path), line, len(p) > 1) for (path, line), p in found.items() if True in p]
    if not lines or len({file.path for file, _, _ in lines}) != 1:
        raise NotApplicable("where the model is called in training is not known")
    return lines


def _changed(program: Program, record: Record, what: str, name: str, pixels: int, end: str) -> Editor:
    position, editor = record.get("position"), program.editor(what)
    calls = call_sites(program, str(record.get("model")))
    lines = _training_calls(program, record)
    file = lines[0][0]
    name = unused(file, name)
    plural, also = "s" if pixels > 1 else "", ", half of them mirrored" if end == MIRRORED else ""
    numbers = {"pixels": pixels, "s": plural, "range": 2 * pixels + 1}
    code = SHIFT.format(functional=functional(file), name=name, also=also, **numbers)
    define(editor, file, code + end, "torch")
    for _, line, shared in lines:
        mine = [c for f, c in calls if f is file and any(c is one for one in file.calls(line))]
        plain = [a for a in mine[0].args if a.keyword is None and not a.star] if len(mine) == 1 else []
        if not isinstance(position, int) or position >= len(plain):
            raise NotApplicable(f"the images are not given to the model by themselves at line {line}")
        if shared and ".eval()" not in file.text and ".train(" not in file.text:
            raise NotApplicable("training and evaluation call the model at one line, and in one mode")
        value, model = plain[position].value, file.code(mine[0].func)
        held = file.code(value)
        editor.replace(file, value, f"{name}({held}) if {model}.training else {held}" if shared else f"{name}({{}})")
    return editor
