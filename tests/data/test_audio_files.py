"""Recordings in folders."""

import io

import numpy as np
import pytest

pytest.importorskip("soundfile")

import soundfile

from netvet.data.chunks import Chunk
from netvet.data.describe import audio as described
from netvet.data.readers import Wanted, audio, open_source
from netvet.data.readers.decoded import Unusable
from netvet.data.scan import scan

RATE = 16_000


def tone(pitch, seconds=1.0, loud=0.3, seed=0):
    noise = np.random.default_rng(seed).normal(size=int(RATE * seconds))
    return (loud * np.sin(2 * np.pi * pitch * np.arange(int(RATE * seconds)) / RATE) + 0.01 * noise).astype(np.float32)


def encoded(wave, form="WAV", rate=RATE):
    stream = io.BytesIO()
    soundfile.write(stream, wave, rate, format=form)
    return stream.getvalue()


def rows(*waves):
    rate = np.full(len(waves), float(RATE))
    return described.rows(Chunk([str(i) for i in range(len(waves))], list(waves), attributes={"sample rate": rate}))


@pytest.mark.parametrize("form", ["WAV", "FLAC", "OGG"])
def test_all_forms_are_decoded(form):
    wave = np.stack([tone(440), tone(880)], axis=1)
    found = audio.decode(encoded(wave, form))
    assert found.input.shape == wave.shape
    assert np.abs(found.input - wave).mean() < 0.02
    assert found.facts == {"seconds": 1.0, "sample rate": 16000.0, "channels": 2.0}
    assert not found.reduced


def test_only_the_first_minute_is_looked_at_and_the_true_length_is_told():
    found = audio.decode(encoded(np.zeros(100 * 800, np.float32), rate=800))
    assert (found.facts["seconds"], len(found.input), found.reduced) == (100, 60 * 800, True)


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "empty"),
        (b"hello, this is text", "not audio"),
        (encoded(tone(440))[:9000], "truncated"),
        (encoded(tone(440), "FLAC")[:9000], "damaged"),
        (encoded(tone(440), "OGG")[:50], "damaged"),
        (encoded(np.zeros(0, np.float32)), "empty"),
    ],
    ids=["nothing", "text", "half a wav", "half a flac", "start of an ogg", "no samples"],
)
def test_what_cannot_be_used_is_told_by_its_name(data, what):
    with pytest.raises(Unusable) as told:
        audio.decode(data)
    assert told.value.what == what
    assert "0x" not in str(told.value)


def test_facts_are_those_of_the_samples():
    clipped = np.clip(tone(440, loud=3.0), -1, 1)
    found = rows(tone(440)[:, None], clipped[:, None], np.zeros((RATE, 2), np.float32)).attributes
    assert found["loudness"][0] == pytest.approx(np.sqrt(np.mean(tone(440).astype(np.float64) ** 2)), rel=1e-6)
    assert found["clipped"][1] == pytest.approx(np.mean(np.abs(clipped) >= 32766 / 32768))
    assert found["clipped"][0] == 0 < found["clipped"][1]
    assert found["silence"].tolist()[2] == 1
    assert found["blank"].tolist() == [0, 0, 1]


def test_bands_are_where_the_tone_is():
    pitches = [300, 1000, 3000, 6000]
    found = rows(*(tone(p)[:, None] for p in pitches)).features[:, : described.BANDS]
    top = found.argmax(axis=1)
    assert (np.diff(top) > 0).all()
    assert rows(tone(440, 0.001)[:, None]).features.shape == (1, 2 * described.BANDS)


def test_signatures_of_copies_are_near():
    rng = np.random.default_rng(0)
    waves = [np.concatenate([tone(p, 0.2, seed=i) for p in rng.uniform(100, 6000, 6)]) for i in range(6)]
    near = rows(*(w[:, None] for w in waves)).near
    copies = rows(*(audio.decode(encoded(0.5 * w, "OGG")).input for w in waves)).near
    same = np.bitwise_count(near ^ copies).sum(axis=1)
    others = [int(np.bitwise_count(near[i] ^ near[j]).sum()) for i in range(6) for j in range(i)]
    assert same.max() < 70
    assert min(others) > 85


def test_a_folder_with_broken_recordings(tmp_path):
    for i, label in enumerate(["low", "high"] * 4):
        (tmp_path / label).mkdir(exist_ok=True)
        (tmp_path / label / f"{i}.wav").write_bytes(encoded(tone(200 if label == "low" else 900, seed=i)))
    (tmp_path / "low" / "cut.flac").write_bytes(encoded(tone(1), "FLAC")[:5000])
    (tmp_path / "low" / "none.wav").write_bytes(b"")
    source = open_source(Wanted({"": tmp_path}))
    found, _ = scan(source)
    assert source.kind == "audio"
    assert sorted(found["data"].targets.tolist()) == ["high"] * 4 + ["low"] * 4
    assert [p.what for p in found["data"].problems] == ["damaged"]
    assert [p.what for _, p in source.problems()] == ["empty"]
