"""Which images stand out, on sets that are clean and on sets with planted ones."""

import io

import numpy as np
import pytest

pytest.importorskip("PIL")

from PIL import Image, ImageFilter
from sklearn.datasets import load_digits, load_sample_images

from netvet.checks.low_quality_images import low_quality_images
from netvet.core import Facts
from netvet.data.chunks import Chunk
from netvet.data.describe.image import rows
from netvet.data.faults import NotAssessable
from netvet.data.faults.image_quality import quality
from netvet.data.index import Audited, splits_of
from netvet.data.readers import images
from netvet.data.readers.decoded import Raw, chunks


def digits(seed):
    images = load_digits().images
    return [(images[i] * 15.9).astype(np.uint8)[..., None] for i in np.random.default_rng(seed).permutation(1797)[:400]]


def photos(seed, side=48):
    rng, found = np.random.default_rng(seed), load_sample_images().images
    places = [(i % 2, rng.integers(0, 427 - side), rng.integers(0, 640 - side)) for i in range(400)]
    return [found[i][y : y + side, x : x + side] for i, y, x in places]


def silhouettes(seed):
    rng, (y, x) = np.random.default_rng(seed), np.mgrid[-16:16, -16:16]
    wide = [(rng.uniform(4, 15), rng.uniform(0.5, 2)) for _ in range(400)]
    return [((y**2 + a * x**2 < r**2) * 255).astype(np.uint8)[..., None] for r, a in wide]


def noise(seed):
    return list(np.random.default_rng(seed).integers(0, 256, (400, 24, 24, 3), dtype=np.uint8))


SETS = {"digits": digits, "photos": photos, "silhouettes": silhouettes, "noise": noise}


def look(images, kind="image"):
    splits, classes = splits_of({"train": rows(Chunk([str(i) for i in range(len(images))], images))})
    return quality(Audited(kind, "x", splits, classes))


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("seed", range(3))
def test_clean_sets_get_no_warning(name, seed):
    found = low_quality_images(Facts(look(SETS[name](seed))))
    assert [f.message for f in found if f.severity != "note"] == []


PLANTED = {
    "dark": lambda im: (im * 0.1).astype(np.uint8),
    "light": lambda im: (255 - (255 - im) * 0.03).astype(np.uint8),
    "odd size": lambda im: np.repeat(np.repeat(im, 4, 0), 4, 1),
    "odd aspect": lambda im: np.repeat(im, 5, 1),
    "greyscale": lambda im: np.repeat(im[..., :1], 3, -1),
    "blurry": lambda im: np.asarray(Image.fromarray(im[..., 0]).filter(ImageFilter.GaussianBlur(4)))[..., None],
}


@pytest.mark.parametrize(
    ("issue", "name"),
    [
        ("dark", "digits"), ("dark", "silhouettes"), ("light", "noise"), ("light", "digits"), ("odd size", "digits"),
        ("odd aspect", "photos"), ("greyscale", "noise"), ("blurry", "silhouettes"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("share", [0.005, 0.1])
def test_planted_images_are_found_and_no_others(issue, name, share):
    images = SETS[name](0)
    where = np.random.default_rng(1).permutation(len(images))[: int(share * len(images))]
    for i in where:
        images[i] = PLANTED[issue](images[i])
    (record,) = [r for r in look(images) if r["issue"] == issue and not r["usual"]]
    assert record["count"] == len(where)
    assert record["apart"]
    assert set(record["examples"]) <= {str(i) for i in where.tolist()}


def test_blank_images_are_not_dark_ones():
    images = digits(0)
    images[3] = np.zeros((8, 8, 1), np.uint8)
    assert [r for r in look(images) if r["issue"] in ("dark", "blurry") and r["count"]] == []


def test_other_samples_and_a_handful_are_not_judged():
    with pytest.raises(NotAssessable):
        look(digits(0), kind="tensor")
    with pytest.raises(NotAssessable, match="fewer than 20"):
        look(digits(0)[:9])


def stored(orientation, seed):
    stream, exif = io.BytesIO(), Image.Exif()
    if orientation is not None:
        exif[0x0112] = orientation
    pixels = photos(seed)[seed % 400]
    Image.fromarray(pixels).save(stream, "JPEG", exif=exif, quality=95)
    return stream.getvalue()


def turned_among(orientations):
    form, raws = images.FORM, [Raw(f"{i}.jpg", stored(o, i)) for i, o in enumerate(orientations)]
    (chunk,) = chunks(raws, form)
    data = Audited("image", "made", *splits_of({"train": rows(chunk)}))
    found = low_quality_images(Facts(quality(data)))
    assert chunk.attributes["orientation"].tolist()[0] == "upright"
    return [(f.severity, f.value) for f in found if f.evidence["issue"] == "turned"]


def test_images_that_their_tag_turns_among_others_are_a_note():
    assert turned_among([1] * 10 + [None] * 10 + [6] * 4 + [3]) == [("note", 0.2)]
    assert turned_among([None, 1, 0, 9] * 6) == []
