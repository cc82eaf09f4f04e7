"""Images that are worse than the others, or of another kind."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Facts, Finding, check
from netvet.stats import number

_SAYS = {
    "dark": "dark", "light": "light: hardly anything in them is darker than white", "blurry": "blurred",
    "low information": "almost without detail", "odd aspect": "far longer than wide, or wider than long",
    "odd size": "of another size than the others", "greyscale": "without colour among images with colours",
    "turned": "stored turned or mirrored, which their EXIF tag tells: as `Image.open` reads them, without "
    "`ImageOps.exif_transpose`, they lie otherwise than the others",
}  # fmt: skip


@check(
    stage="data",
    kind="symptom",
    severity="warning",
    since="0.1",
    measures="images [share]",
    fixes={
        "look-at-images": "Look at the images named here: leave out what a person could not label.",
        "augment-quality": "If such images will come in use too, vary brightness, sharpness or size in training.",
    },
)
def low_quality_images(
    image_quality: Facts,
    *,
    share: float = 0.01,  # of the images of a split
    grey: float = 0.05,  # the same for those without colour: collections of photographs have 1 to 2 %
) -> Iterator[Finding]:
    """Some images are dark, light, blurred, without detail, of odd shape or size, turned, or without colour.

    ## Why it matters
    A label that a person could not read off an image teaches the net nothing, or teaches it the background. Images of
    one kind in one class only teach the kind.

    ## Example
    >>> from netvet.core import Facts
    >>> dark = {"split": "train", "issue": "dark", "count": 40, "samples": 1000, "apart": True, "examples": ["a.png"]}
    >>> low_quality_images(Facts.of(dark))[0].message
    '40 of 1,000 images of train (4.0%) are dark: a.png and 39 more'

    ## Known problems
    What is usual in a data set is no fault of it: digits on black hold little information, silhouettes have no grey.
    So an issue of more than a third of the images is silent, and one of more than an eighth, or that passes into the
    others without a gap, is only a note. Smooth images, such as walls and skies, look blurred: those are a note too,
    and so are images that an EXIF tag turns among others, as a program may turn them.

    ## References
    CleanVision (cleanlab): limits and scores of dark, light, blurry, low information, aspect ratio, size and greyscale.
    """
    for record in image_quality:
        count, seen, issue = number(record, "count"), number(record, "samples"), str(record.get("issue"))
        if not count or not seen or record.get("usual") or issue not in _SAYS:
            continue
        part, least = count / seen, grey if issue == "greyscale" else share
        examples = [str(name) for name in record.get("examples") or ()]
        shown = examples[: 1 if count == 1 else 3]
        more = int(count) - len(shown)
        which = ", ".join(shown) + (f" and {more:,} more" if more else "")
        yield Finding(
            f"{count:,.0f} of {seen:,.0f} images of {record.get('split')} ({part:.1%}) "
            f"{'is' if count == 1 else 'are'} {_SAYS[issue]}" + (f": {which}" if shown else ""),
            str(record.get("split")), None, part, least, evidence={"issue": issue, "examples": examples[:10]},
            severity="warning" if part >= least and record.get("apart") else "note", confidence=0.7,
        )  # fmt: skip
