"""How the processes of a distributed run find each other's folder, and what is left when they are ended."""

import os
import signal
import subprocess
import sys
import time

import pytest

from netvet.capture import job as job_module
from netvet.capture.job import Job, await_ranks, current_job, open_run
from netvet.store import RunWriter

NAMES = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "TORCHELASTIC_RUN_ID", "TORCHELASTIC_RESTART_COUNT")


@pytest.fixture
def launched(monkeypatch):
    """A function that sets what a launcher would set."""
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)

    def launch(**variables):
        for name, value in variables.items():
            monkeypatch.setenv(name, str(value))
        return current_job()

    return launch


@pytest.mark.parametrize(
    "variables",
    [{}, {"RANK": 0}, {"RANK": 0, "WORLD_SIZE": 1}, {"RANK": "two", "WORLD_SIZE": 4}, {"RANK": 4, "WORLD_SIZE": 4}],
)
def test_no_launcher_no_job(launched, variables):
    assert launched(**variables) is None


def test_all_ranks_of_an_attempt_have_one_key_and_the_next_attempt_another(launched):
    first = launched(RANK=0, WORLD_SIZE=2, LOCAL_WORLD_SIZE=2, TORCHELASTIC_RUN_ID="none")
    second = launched(RANK=1)
    assert (first.rank, second.rank, first.world_size) == (0, 1, 2)
    assert first.key == second.key
    assert launched(TORCHELASTIC_RESTART_COUNT=1).key != first.key


def job(rank, *, key="k", unique=False, began=None, attempt=0):
    return Job(rank, 2, key, unique, time.time() if began is None else began, attempt)


def test_the_others_join_the_folder_of_the_first(tmp_path):
    first, second = (open_run(tmp_path, "train", job(rank)) for rank in (0, 1))
    assert first.path == second.path
    for one in (first, second):
        one.close()
    assert sorted(f.name for f in first.path.iterdir()) == ["rank0.db", "rank1.db"]


def test_a_new_attempt_gets_a_folder_of_its_own(tmp_path):
    folders = [open_run(tmp_path, "train", job(0, key=str(n), attempt=n)).path.name for n in (0, 1)]
    assert folders[1].endswith("train-attempt-2")


def test_a_rank_that_finds_no_first_one_records_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(job_module, "WAIT_ELSEWHERE", 0.1)
    assert open_run(tmp_path, "train", job(1)) is None


def test_the_folder_of_an_earlier_job_on_the_same_port_is_not_joined(tmp_path, monkeypatch):
    monkeypatch.setattr(job_module, "WAIT_ELSEWHERE", 0.1)
    open_run(tmp_path, "train", job(0)).close()
    assert open_run(tmp_path, "train", job(1, began=time.time() + 2 * job_module.SLACK)) is None


def test_nobody_waits_for_a_rank_that_is_dead_or_has_ended(tmp_path):
    mine = job(0)
    first = open_run(tmp_path, "train", mine)
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    second = RunWriter.join(first.path, rank=1)
    second.put_facts("ranks", [{**job_module.describe_rank(1, 2), "pid": gone.pid}])
    second.flush()
    began = time.monotonic()
    await_ranks(first.path, mine, 60.0)
    second.put_facts("ranks", [job_module.describe_rank(1, 2)])
    second.put_facts("run", [{"ended": "ok"}])
    second.close()
    await_ranks(first.path, mine, 60.0)
    assert time.monotonic() - began < 30.0
    assert not list((tmp_path / job_module.FOLDER).iterdir())
    first.close()


SCRIPT = """
import os, sys, time
from netvet.capture.termination import Termination
one = Termination(lambda: print("last words", flush=True))
if sys.argv[1] == "held":
    one.hold()
    os.kill(os.getpid(), 15)
    print("went on")
elif sys.argv[1] == "forked":
    ready, told = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(told, b"1")
        time.sleep(60)
        os._exit(0)
    os.read(ready, 1)
    os.kill(child, 15)
    print("child ended by", os.waitpid(child, 0)[1])
else:
    os.kill(os.getpid(), 15)
    print("never comes here")
"""


@pytest.mark.parametrize(
    ("how", "words", "status"),
    [
        ("ended", "last words\n", -signal.SIGTERM),
        ("held", "went on\n", 0),
        ("forked", "child ended by 15\n", 0),
    ],
)
def test_a_terminated_process_says_its_last_words_and_ends_as_it_would_have(how, words, status):
    done = subprocess.run([sys.executable, "-c", SCRIPT, how], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.returncode) == (words, status), done.stderr


def test_a_scripts_own_handler_stays_alone():
    code = "import signal\nsignal.signal(signal.SIGTERM, print)\nfrom netvet.capture.termination import Termination\n"
    code += "Termination(print)\nassert signal.getsignal(signal.SIGTERM) is print"
    subprocess.run([sys.executable, "-c", code], timeout=60, check=True, env=dict(os.environ))
