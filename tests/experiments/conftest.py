"""Trials are tiny: one thread each, or the threads of several test processes get in each other's way."""

import pytest
import torch


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)
