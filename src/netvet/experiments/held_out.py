"""What a program trains on and what it is scored on, of all the batches that were seen."""

from __future__ import annotations

from netvet.capture.fingerprints import held_out
from netvet.experiments.data import Batch, Data

# Where no validation data is given, this share of the training data is held out.
HELD_OUT = 0.2


def train_and_val(train: Data, scored: tuple[Batch, ...], why: str, notes: list[str]) -> tuple[Data, Data]:
    """Data to train on and data to score on.

    Args:
        scored: batches that the program scores; many score their training samples too, which are left out.
        why: it is none.
        notes: what was decided is added here.
    """
    if scored:
        return train, _apart(train, Data(scored, train.roles, train.fixed_size)).distinct()
    if train.size is None and len(train.batches) == 1:
        notes.append("the program has a single batch and nothing else to be scored on: it is scored on that one")
        return train, train
    notes.append(f"{why}: a fifth of the training samples is held out")
    return train.split(HELD_OUT)


def _apart(train: Data, val: Data) -> Data:
    """Without the batches of training samples, where single samples can be told apart."""
    if train.size is None or val.size is None:
        return val
    known = frozenset(one for prints in train.prints() for one in prints.tolist())
    kept = held_out(known, [frozenset(prints.tolist()) for prints in val.prints()])
    return Data(tuple(b for b, one in zip(val.batches, kept, strict=True) if one), val.roles, val.fixed_size)
