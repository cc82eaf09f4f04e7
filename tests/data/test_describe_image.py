"""What is kept of images, against slow references."""

import io

import numpy as np
import pytest
from scipy.fft import dctn

pytest.importorskip("PIL")

from PIL import Image, ImageFilter
from sklearn.datasets import load_digits, load_sample_images

from netvet.data.chunks import Chunk
from netvet.data.describe import image as described
from netvet.data.readers.images import MAX_PIXELS, MAX_SIDE, decode


def rows(images):
    return described.rows(Chunk([str(i) for i in range(len(images))], images))


def patches(side, count, seed=0):
    rng, photos = np.random.default_rng(seed), load_sample_images().images
    found = []
    for i in range(count):
        photo = photos[i % 2]
        y, x = rng.integers(0, photo.shape[0] - side), rng.integers(0, photo.shape[1] - side)
        found.append(photo[y : y + side, x : x + side])
    return found


def encoded(pixels, form="PNG", **options):
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, form, **options)
    return stream.getvalue()


@pytest.mark.parametrize("shape", [(32, 32, 3), (20, 45, 1), (90, 200, 3)])
def test_attributes_are_those_of_a_slow_reference(shape):
    pixels = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)
    found = {name: values[0] for name, values in rows([pixels]).attributes.items()}
    exact = pixels.astype(np.float64)
    light = np.sqrt(exact[..., :3] ** 2 @ [0.241, 0.691, 0.068]) if shape[2] == 3 else exact[..., 0]
    assert found["brightness"] == pytest.approx(light.mean() / 255, rel=1e-4)
    assert found["contrast"] == pytest.approx(light.std() / 255, rel=1e-4)
    ordered = np.sort(np.rint(light).ravel())
    assert found["darkest"] == ordered[int(np.ceil(0.05 * ordered.size)) - 1] / 255
    assert found["brightest"] == ordered[int(np.ceil(0.99 * ordered.size)) - 1] / 255
    shares = np.bincount(np.rint(light).astype(int).ravel()) / light.size
    assert found["entropy"] == pytest.approx(-sum(p * np.log2(p) for p in shares if p > 0), rel=1e-6)
    assert (found["width"], found["height"], found["aspect"]) == (shape[1], shape[0], shape[1] / shape[0])
    assert (found["blank"], found["greyscale"]) == (0, float(shape[2] == 1))


def test_sharpness_is_that_of_the_filter_for_images():
    grey = np.random.default_rng(2).integers(0, 256, (40, 40), dtype=np.uint8)
    kernel = ImageFilter.Kernel((3, 3), (-1, -1, -1, -1, 8, -1, -1, -1, -1), 1, 0)
    edges = np.asarray(Image.fromarray(grey).filter(kernel), dtype=np.float64)[1:-1, 1:-1]
    assert described.sharpness(grey[None].astype(np.float32))[0] == pytest.approx(edges.var(), rel=1e-4)


def test_hash_is_made_of_the_lowest_cosines():
    grey = np.random.default_rng(3).random((5, 32, 32), dtype=np.float32)
    waves = dctn(grey.astype(np.float64), axes=(1, 2), norm="ortho")[:, :16, :16].reshape(5, -1)
    order = np.argsort(np.add.outer(np.arange(16), np.arange(16)).ravel(), kind="stable")
    waves = waves[:, order]
    waves[:, 0] = 0
    least = np.maximum(0.01 * np.linalg.norm(waves, axis=1), 16 / 255)[:, None]
    wanted = [w > np.maximum(np.median(w, axis=1, keepdims=True), least) for w in np.split(waves, 4, axis=1)]
    bits = np.unpackbits(described.perceptual(grey).view(np.uint8).reshape(5, -1), axis=1).astype(bool)
    assert np.mean(bits == np.concatenate(wanted, axis=1)) > 0.995  # float32 against float64 near the median


def distance(a, b):
    return int(np.bitwise_count(a ^ b).sum())


def test_copies_of_photographs_are_near_and_others_are_far():
    clean = patches(128, 40)
    textured = [p for p in clean if p.std() > 25]
    copies = [decode(encoded(p, "JPEG", quality=50)).input for p in textured]
    halves = [np.asarray(Image.fromarray(p).resize((64, 64), Image.BICUBIC)) for p in textured]
    near = rows(textured).near[:, : described.HASH_WORDS]
    for changed in (rows(copies).near[:, : described.HASH_WORDS], rows(halves).near[:, : described.HASH_WORDS]):
        assert max(distance(a, b) for a, b in zip(near, changed, strict=True)) <= 16
    others = [distance(near[i], near[j]) for i in range(len(near)) for j in range(i)]
    assert np.percentile(others, 10) > 32  # some patches overlap


def test_rows_do_not_depend_on_what_else_is_in_the_chunk():
    mixed = [
        *patches(32, 6),
        *patches(48, 5),
        *((im * 15).astype(np.uint8)[..., None] for im in load_digits().images[:4]),
    ]
    order = np.random.default_rng(0).permutation(len(mixed))
    whole, shuffled = rows(mixed), rows([mixed[i] for i in order])
    assert (whole.prints[order] == shuffled.prints).all()
    assert (whole.near[order] == shuffled.near).all()
    assert np.allclose(whole.features[order], shuffled.features, atol=1e-5)
    for name, values in whole.attributes.items():
        assert np.allclose(values[order], shuffled.attributes[name], rtol=1e-5), name


def test_features_tell_digits_apart():
    from sklearn.neighbors import KNeighborsClassifier

    digits = load_digits()
    images = [(im * 15.9).astype(np.uint8)[..., None] for im in digits.images]
    features = rows(images).features
    assert features.shape[1] == len(described.feature_names())
    model = KNeighborsClassifier(3).fit(features[:1200], digits.target[:1200])
    assert model.score(features[1200:], digits.target[1200:]) > 0.93


def test_equal_pixels_have_equal_prints_in_any_file_and_others_have_not():
    pixels = patches(32, 1)[0]
    changed = pixels.copy()
    changed[3, 4, 0] ^= 1
    png, bmp, other = (decode(encoded(p, f)).input for p, f in ((pixels, "PNG"), (pixels, "BMP"), (changed, "PNG")))
    prints = rows([png, bmp, other]).prints
    assert prints[0] == prints[1] != prints[2]


def test_large_images_are_reduced_and_their_true_size_is_told():
    pixels = np.kron(patches(64, 1)[0], np.ones((12, 10, 1), np.uint8))
    for form in ("PNG", "JPEG"):
        found = decode(encoded(pixels, form))
        assert (found.facts["width"], found.facts["height"]) == (640, 768)
        assert max(found.input.shape) <= MAX_SIDE
        assert found.reduced
        assert abs(float(found.input.mean()) - float(pixels.mean())) < 3
    assert MAX_PIXELS == 2 * Image.MAX_IMAGE_PIXELS


@pytest.mark.parametrize(
    ("mode", "channels"), [("1", 1), ("L", 1), ("LA", 1), ("P", 3), ("RGB", 3), ("RGBA", 3), ("CMYK", 3), ("I;16", 1)]
)
def test_all_modes_become_grey_or_colour(mode, channels):
    image = Image.fromarray(patches(24, 1)[0]).convert(mode if mode != "I;16" else "L")
    if mode == "I;16":
        image = Image.fromarray(np.asarray(image).astype(np.uint16) * 257)
    stream = io.BytesIO()
    image.save(stream, "TIFF")
    found = decode(stream.getvalue())
    assert found.input.shape == (24, 24, channels)
    assert found.facts["mode"].startswith(mode[:1])
    assert 20 < float(found.input.mean()) < 235


def test_blank_images_are_told():
    images = [np.full((9, 9, 3), 7, np.uint8), np.zeros((1, 1, 1), np.uint8), patches(9, 1)[0]]
    assert rows(images).attributes["blank"].tolist() == [1, 1, 0]
    assert np.isfinite(rows(images).features).all()


def test_no_image_gives_no_row():
    found = rows([])
    assert (len(found), found.features.shape, found.near.shape) == (0, (0, len(described.feature_names())), (0, 66))


def test_a_border_is_a_frame_or_bars_and_no_background():
    framed = np.array(patches(48, 40))
    plain = rows(list(framed)).attributes["border"]
    assert plain.max() == 0
    framed[:, :3] = framed[:, -3:] = framed[:, :, :3] = framed[:, :, -3:] = 5
    assert np.median(rows(list(framed)).attributes["border"]) == pytest.approx(12 / 48)
    bars = np.array(patches(48, 40))
    bars[:, :, :6] = bars[:, :, -6:] = 0
    assert np.median(rows(list(bars)).attributes["border"]) == pytest.approx(12 / 48)
    digits = load_digits().images[:300].repeat(4, axis=1).repeat(4, axis=2)[..., None]
    drawn = np.uint8(255 - np.pad(digits, [(0, 0), (4, 4), (4, 4), (0, 0)]) * 15.9)
    assert rows(list(drawn)).attributes["border"].max() == 0


def test_the_spectrum_of_a_shifted_image_is_near_its_own():
    whole = patches(64, 30)
    moved = [np.pad(p, ((1, 0), (1, 0), (0, 0)), mode="edge")[:-1, :-1] for p in whole]
    of, after = (described.spectrum_of(rows(images).near) for images in (whole, moved))
    own = np.linalg.norm(of - after, axis=1)
    others = np.linalg.norm(of[:, None] - of[None], axis=2)[~np.eye(len(of), dtype=bool)]
    assert np.allclose(np.linalg.norm(of, axis=1), 1, atol=0.02)
    assert np.median(own) < 0.3 * np.median(others)
