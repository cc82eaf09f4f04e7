"""Pictures and text out of what enters a net: known transforms are undone, and what cannot be known is said."""

import numpy as np
import pytest
from sklearn.datasets import load_digits, load_sample_images, make_classification

from netvet.decode import CONSTANTS, pictures, text, vocabulary


def photos(n=12, side=32, seed=0):
    """Patches of photographs, [n, side, side, 3] of 0..255."""
    rng, found = np.random.default_rng(seed), []
    images = load_sample_images().images
    for i in range(n):
        image = images[i % 2]
        y, x = (int(rng.integers(0, s - side)) for s in image.shape[:2])
        found.append(image[y : y + side, x : x + side])
    return np.stack(found)


@pytest.mark.parametrize("name", [n for n in CONSTANTS if not n.startswith(("none", "Caffe"))])
@pytest.mark.parametrize("seed", [0, 1])
def test_known_constants_are_undone_exactly(name, seed):
    mean, std = CONSTANTS[name]
    raw = photos(seed=seed)
    raw = raw if len(mean) == 3 else raw[..., :1]
    given = np.moveaxis((raw / 255 - mean) / std, -1, 1).astype(np.float32)
    found = pictures(given)
    assert (found.normalisation, found.layout, found.certain) == (name, "CHW", True)
    np.testing.assert_array_equal(found.pixels, raw)
    assert found.colours == ("RGB" if len(mean) == 3 else "grey")


def test_constants_in_the_other_order_tell_of_bgr():
    mean, std = CONSTANTS["ImageNet"]
    raw = photos()
    given = np.moveaxis((raw[..., ::-1] / 255 - mean[::-1]) / std[::-1], -1, 1)
    found = pictures(given)
    assert (found.normalisation, found.colours) == ("ImageNet", "BGR")
    np.testing.assert_array_equal(found.pixels, raw)


def test_colour_order_without_constants_is_undetermined():
    found = pictures(np.moveaxis(photos() / 255, -1, 1).astype(np.float32))
    assert (found.normalisation, found.colours, found.certain) == ("none, 0 to 1", "undetermined", True)


def test_whole_numbers_are_shown_as_they_are():
    found = pictures(photos())
    assert (found.normalisation, found.layout) == ("none, 0 to 255", "HWC")
    np.testing.assert_array_equal(found.pixels, photos())


def test_standardised_by_the_data_themselves_is_undetermined_but_shown():
    raw = photos() / 255
    found = pictures(np.moveaxis((raw - raw.mean()) / raw.std(), -1, 1))
    assert (found.normalisation, found.certain) == ("undetermined", False)
    assert found.pixels.min() == 0
    assert found.pixels.max() == 255


def test_flat_digits_are_pictures_and_tables_are_not():
    digits = load_digits().data / 16
    assert pictures(digits.astype(np.float32)).layout == "flat"
    table = make_classification(300, 64, random_state=0)[0]
    assert pictures(table) is None
    assert pictures(np.random.default_rng(0).normal(size=(50, 36))) is None


def test_text_through_a_vocabulary():
    ids = np.array([[2, 0, 1], [1, 1, 2]])
    words = vocabulary({"a": 0, "b": 1, "c": 2}, ids)
    assert text(ids[0], words) == "cab"
    assert text(np.array([0, 9]), vocabulary(["good", "bad", "film"], ids)) == "good <9>"
    assert vocabulary({"lr": 0.1}, ids) is None
    assert vocabulary(["x"], ids) is None
