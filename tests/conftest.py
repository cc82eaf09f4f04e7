"""What all tests share."""

import os

# Programs that run beside each other with as many threads as there are cores wait for each other most of the time.
# Read when PyTorch is imported, here and in all processes that tests start.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest

from tests import program


@pytest.fixture(scope="session", autouse=True)
def _server_of_programs():
    """Before a test of worker processes starts the same server with other modules in it."""
    program.start()
