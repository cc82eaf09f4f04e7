"""Samples of every kind of data that can be read are shown to people, without their names."""

import json
import wave

import numpy as np
import pytest
from PIL import Image

from netvet.data.annotation import Store, file_of, planned
from netvet.data.asking import Asking
from netvet.data.audit import Options, audit, gathered, with_people
from netvet.data.fetch import Samples
from netvet.data.human import records
from netvet.data.readers import Wanted, open_source

NAMES = ("cat", "dog")


def images(folder):
    for number in range(24):
        place = folder / "data" / NAMES[number % 2]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((20, 30, 3), 10 * number, np.uint8)).save(place / f"{number}.png")
    (folder / "data" / "cat" / "0.png").write_bytes(b"")  # people are not asked for what cannot be read
    return folder / "data"


def csv(folder):
    rows = [f"{i},{i / 2},town{i % 5},{NAMES[i % 2]}" for i in range(24)]
    (folder / "t.csv").write_text("\n".join(["age,size,town,label", *rows]) + "\n")
    return folder / "t.csv"


def jsonl(folder):
    lines = [json.dumps({"text": f"the {i}th text of all of these", "label": NAMES[i % 2]}) for i in range(24)]
    (folder / "t.jsonl").write_text("\n".join(lines) + "\n")
    return folder / "t.jsonl"


def sounds(folder):
    for number in range(24):
        place = folder / "data" / NAMES[number % 2]
        place.mkdir(parents=True, exist_ok=True)
        with wave.open(str(place / f"{number}.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(8_000)
            file.writeframes((np.sin(np.arange(800) * (number + 1) / 50) * 9_000).astype("<i2").tobytes())
    return folder / "data"


def arrays(folder):
    np.savez(folder / "t.npz", x=np.random.default_rng(0).random((24, 8, 8)), y=np.arange(24) % 2)
    return folder / "t.npz"


def looked(source, folder):
    data = gathered(source, Options(folder=folder))
    store = Store.create(file_of(data, folder), data.name, data.classes, planned(data, 8))
    asking = Asking(store, Samples(source, folder, [(a.split, a.sample) for a in store.plan()]), data.kind, "ann")
    return data, store, asking


@pytest.mark.parametrize(
    ("make", "form"), [(images, "picture"), (csv, "table"), (jsonl, "text"), (sounds, "sound"), (arrays, "picture")]
)
def test_samples_of_each_kind_are_shown(tmp_path, make, form):
    source = open_source(Wanted({"": make(tmp_path)}))
    data, store, asking = looked(source, tmp_path / "kept")
    shown = set()
    for asked in store.plan():
        state = asking.state()
        found = asking.sample(asked.position)
        assert (state["position"], state["form"], found.form) == (asked.position, form, form)
        assert asked.key.isdecimal() or asked.key not in json.dumps(state)
        assert not any(f'"{name}"'.encode() in found.body for name in NAMES)
        shown.add(found.body)
        assert asking.answer(asked.position, data.classes.index(asked.label), 1.0)
    assert len(shown) == len({a.sample for a in store.plan()})
    assert asking.state()["baseline"]["accuracy"] == 1.0


def test_sample_is_the_one_whose_label_is_asked(tmp_path):
    source = open_source(Wanted({"": csv(tmp_path)}))
    _, store, asking = looked(source, tmp_path / "kept")
    for asked in store.plan():
        row = dict(json.loads(asking.sample(asked.position).body))
        assert NAMES[round(2 * float(row["size"])) % 2] == asked.label


def test_next_audit_knows_how_good_people_are(tmp_path):
    source = open_source(Wanted({"": arrays(tmp_path)}))
    _, store, asking = looked(source, tmp_path)
    found = audit(source, Options(folder=tmp_path))
    asking.answer(0, 0, 1.0)
    with_people(found, tmp_path)
    assert found.signals["human_baseline"] == records(store)
    assert len(records(store)) == 1
