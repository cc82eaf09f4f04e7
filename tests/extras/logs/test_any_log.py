"""No log, whatever is in it, makes more than a sentence: found with Hypothesis."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tools.fuzz_logs import use

QUICK = settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
NUMBERS = st.one_of(
    st.floats(), st.integers(-(10**30), 10**30), st.sampled_from(["nan", "inf", "1e400", "", "x", None, True])
)
NAMES = st.one_of(
    st.sampled_from(
        ["loss", "val_loss", "step", "epoch", "lr", "acc", "val_acc", "grad_norm", "d_loss", "reward", "_of"]
    ),
    st.text(max_size=12),
)
RECORDS = st.lists(st.dictionaries(NAMES, NUMBERS, max_size=6), max_size=40)


def judged(name: str, content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        assert use(path) in ("read", "refused")


@QUICK
@given(
    st.sampled_from(["a.csv", "a.json", "a.jsonl", "a.log", "events.out.tfevents.1", "r.wandb", "m.db"]),
    st.binary(max_size=4000),
)
def test_any_bytes(name, content):
    judged(name, content)


@QUICK
@given(
    st.sampled_from([b":W&B\xe1\xbe\x00", b"SQLite format 3\x00", b"{", b"[", b"step,loss\n"]), st.binary(max_size=4000)
)
def test_any_bytes_behind_a_known_beginning(start, content):
    judged("log", start + content)


@QUICK
@given(RECORDS)
def test_any_records(records):
    judged("a.jsonl", "\n".join(map(json.dumps, records)).encode())
    judged("a.json", json.dumps(records).encode())
    judged("trainer_state.json", json.dumps({"log_history": records}).encode())
    printed = "\n".join(" ".join(f"{name}: {value}" for name, value in record.items()) for record in records)
    judged("a.log", printed.encode("utf-8", "replace"))


@QUICK
@given(st.dictionaries(NAMES, st.lists(NUMBERS, max_size=30), max_size=6))
def test_any_history(columns):
    judged("history.json", json.dumps(columns).encode())


@QUICK
@given(st.text(alphabet="0123456789.,-+eE:=/|[]{}()'\"% \t\r\n\x08\x1blossepochnanif━#>", max_size=3000))
def test_any_text(text):
    judged("a.log", text.encode())


@pytest.mark.parametrize("depth", [10, 100_000])
def test_deep_nesting(depth):
    judged("a.json", b"[" * depth + b"]" * depth)
    judged("a.jsonl", b'{"a":' * depth + b"1" + b"}" * depth + b"\n")
