"""`pip install .` and nothing else: no framework, no extra. What works, and what says in one line what it lacks."""

import csv
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
# netvet, what it depends on, and what Rich depends on.
CORE = {"netvet", "numpy", "click", "rich", "safetensors", "markdown-it-py", "mdurl", "pygments"}
LOGS = ROOT / "src" / "netvet" / "capture" / "logs"


@pytest.fixture(scope="session")
def bare(tmp_path_factory):
    """The folder of the programs of a new environment; pytest is not in it, nor what pytest brings."""
    folder = tmp_path_factory.mktemp("bare")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    # A wheel of this folder that was made earlier is not taken.
    uv(folder, "install", "--quiet", "--refresh-package", "netvet", str(ROOT))
    return folder / "bin"


def uv(environment, command, *words):
    where = ("--python", environment / "bin" / "python")
    done = subprocess.run(
        [sys.executable, "-m", "uv", "pip", command, *where, *words],
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def netvet(bare, tmp_path):
    """Call netvet in a folder with a script, a table and a folder of photos."""
    (tmp_path / "train.py").write_text("print('trained')\n")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "one.png").write_bytes(b"\x89PNG")
    with (tmp_path / "log.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["step", "loss"])
        rows.writerows([step, math.log(10)] for step in range(200))

    def call(*words):
        env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        return subprocess.run(
            [bare / "netvet", *words], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120, check=False
        )

    return call


def test_nothing_else_is_installed(bare):
    listed = uv(bare.parent, "freeze").splitlines()
    assert {line.partition("==")[0].partition(" @ ")[0] for line in listed} == CORE


def test_help_and_the_pages_of_checks_are_there(netvet):
    told = netvet("--help")
    assert told.returncode == 0
    assert "explain" in told.stdout
    page = netvet("explain", "double-softmax")
    assert page.returncode == 0
    assert page.stdout.startswith("# double-softmax\n")
    assert "softmax" in netvet("explain").stdout


def test_the_package_is_imported_without_a_word(bare):
    done = subprocess.run(
        [bare / "python", "-W", "error", "-c", "import netvet; print(netvet.__version__)"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


@pytest.mark.skipif(not LOGS.exists(), reason="logs are not read yet")
def test_a_log_is_diagnosed(netvet):
    told = netvet("diagnose", "log.csv")
    assert told.returncode in (0, 1), told.stderr
    assert told.stdout.strip()


@pytest.mark.parametrize(
    ("command", "extra"),
    [
        ("run train.py", "netvet[torch]"),
        ("recipe train.py", "netvet[torch]"),
        ("fix train.py", "netvet[torch]"),
        ("tune train.py", "netvet[torch]"),
        ("data train.py", "netvet[torch]"),
        ("data log.csv", "netvet[data]"),
        ("ui", "netvet[ui]"),
    ],
)
def test_a_command_that_needs_an_extra_names_it_in_one_line(netvet, command, extra):
    told = netvet(*command.split())
    assert told.returncode == 2
    assert told.stdout == ""
    assert told.stderr.count("\n") == 1, told.stderr
    assert told.stderr.startswith("netvet: error: ")
    assert f"pip install '{extra}'" in told.stderr


@pytest.mark.parametrize("command", ["runs", "report", "diagnose", "watch", "compare GOOD BAD"])
def test_what_reads_stored_runs_needs_no_extra(netvet, command):
    told = netvet(*command.split())
    assert "no runs in .netvet/runs" in told.stdout + told.stderr
    assert "Traceback" not in told.stderr
