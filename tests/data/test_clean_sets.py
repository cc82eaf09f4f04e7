"""Clean data of every form, as files: `netvet data` has nothing to say against them, and looks at all of them."""

import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn import datasets
from sklearn.model_selection import train_test_split

from netvet.cli import _status
from netvet.data.faults import LOOKS
from netvet.store import Run

RATE = 8_000


def parted(inputs, targets, *, classes=True, seed=0):
    """Training data and a quarter that is held out, with equal shares of each class."""
    kept = train_test_split(inputs, targets, test_size=0.25, random_state=seed, stratify=targets if classes else None)
    return {"train": (kept[0], kept[2]), "test": (kept[1], kept[3])}


def iris():
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    for split, (x, y) in parted(*datasets.load_iris(return_X_y=True)).items():
        pq.write_table(pa.table({**{f"length {i}": x[:, i] for i in range(4)}, "target": y}), f"{split}.parquet")
    return ["train=train.parquet", "test=test.parquet"]


def diabetes():
    for split, (x, y) in parted(*datasets.load_diabetes(return_X_y=True), classes=False, seed=1).items():
        rows = np.column_stack([x, y])
        np.savetxt(f"{split}.csv", rows, "%.8g", ",", header=",".join([*"abcdefghij", "target"]), comments="")
    return ["train=train.csv", "test=test.csv"]


def exercises():
    """Three targets a sample."""
    parts = parted(*datasets.load_linnerud(return_X_y=True), classes=False)
    np.savez("set.npz", **{f"{what}_{split}": part[i] for split, part in parts.items() for i, what in enumerate("xy")})
    return ["set.npz"]


def blobs():
    """Targets that are one-hot."""
    inputs, targets = datasets.make_blobs(200, 4, centers=3, random_state=0)
    parts = {split: (x, np.eye(3)[y]) for split, (x, y) in parted(inputs, targets).items()}
    np.savez("set.npz", **{f"{what}_{split}": part[i] for split, part in parts.items() for i, what in enumerate("xy")})
    return ["set.npz"]


def digits():
    inputs, targets = datasets.load_digits(return_X_y=True)
    return parted((inputs * 15.9375).astype(np.uint8).reshape(-1, 8, 8)[:300], targets[:300])


def pictures(parts):
    for split, (images, classes) in parts.items():
        for number, (image, name) in enumerate(zip(images, classes.tolist(), strict=True)):
            folder = Path("images", split, str(name))
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(folder / f"{number}.png")
    return ["images"]


def digit_pictures():
    return pictures(digits())


def photo_patches():
    photos = datasets.load_sample_images().images
    found = [[p[i : i + 32, j : j + 32] for i in range(0, 390, 64) for j in range(0, 600, 64)] for p in photos]
    return pictures(parted(np.concatenate(found), np.repeat(["temple", "flower"], [len(f) for f in found])))


def digit_shards():
    for split, (images, classes) in digits().items():
        with tarfile.open(f"digits-{split}-000.tar", "w") as tar:
            for number, (image, label) in enumerate(zip(images, classes.tolist(), strict=True)):
                stream = io.BytesIO()
                Image.fromarray(image).save(stream, "PNG")
                for ending, content in (("png", stream.getvalue()), ("cls", str(label).encode())):
                    member = tarfile.TarInfo(f"{number:05d}.{ending}")
                    member.size = len(content)
                    tar.addfile(member, io.BytesIO(content))
    return ["."]


def texts():
    draw = np.random.default_rng(0)
    words = np.array(sorted({"".join(draw.choice(list("etaoinshrdlu"), draw.integers(2, 9))) for _ in range(1200)}))
    shares = 1 / (np.arange(len(words)) + 5.0)
    orders = [draw.permutation(len(words)) for _ in range(4)]
    lines = []
    for number in range(400):
        size, topic = int(draw.integers(30, 90)), number % 3
        drawn = draw.choice(len(words), size, p=shares / shares.sum())
        chosen = np.where(draw.random(size) < 0.4, orders[topic][drawn], orders[3][drawn])
        lines.append(json.dumps({"text": " ".join(words[chosen]), "label": ("news", "sport", "science")[topic]}))
    for split, part in (("train", lines[:300]), ("test", lines[300:])):
        Path(f"{split}.jsonl").write_text("\n".join(part) + "\n")
    return ["train=train.jsonl", "test=test.jsonl"]


def tokens():
    draw, shares = np.random.default_rng(0), 1 / (np.arange(8_000) + 3.0)
    for split, count in (("train", 200_000), ("val", 20_000)):
        draw.choice(8_000, count, p=shares / shares.sum()).astype("<u2").tofile(f"{split}.bin")
    return ["train=train.bin", "val=val.bin", "--vocabulary", "8000"]


def tones():
    soundfile = pytest.importorskip("soundfile")
    draw = np.random.default_rng(0)
    for split, count in (("train", 30), ("val", 10)):
        for name, pitch in (("low", 220), ("middle", 440), ("high", 880)):
            folder = Path("tones", split, name)
            folder.mkdir(parents=True)
            for number in range(count):
                time = np.arange(int(RATE * draw.uniform(0.5, 1.0))) / RATE
                wave = draw.uniform(0.2, 0.5) * np.sin(2 * np.pi * pitch * draw.uniform(0.93, 1.07) * time)
                soundfile.write(folder / f"{number}.wav", wave + 0.02 * draw.normal(size=len(time)), RATE)
    return ["tones"]


SETS = (iris, diabetes, exercises, blobs, digit_pictures, photo_patches, digit_shards, texts, tokens, tones)


@pytest.mark.parametrize("made", SETS, ids=lambda made: made.__name__)
def test_clean_files_get_no_error_and_no_warning(made, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert _status(["data", *made(), "--json", "found.json"]) == 0
    assert capsys.readouterr().err == ""
    found = json.loads(Path("found.json").read_text())["findings"]
    assert [(f["check"], f["message"]) for f in found if f["severity"] in ("error", "warning")] == []
    run = Run.open(Run.list(tmp_path / ".netvet" / "runs")[0].path)
    assert [told for signal in LOOKS if "failed" in (told := run.reason(signal) or "")] == []
