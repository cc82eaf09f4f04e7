"""`netvet watch` on a terminal and in a pipe."""

import os
import pty
import subprocess
import sys

from netvet.store import RunWriter


def stored(folder, *, ended):
    writer = RunWriter.create(folder, "a-run")
    for step in range(20):
        writer.append(step, "loss", 20.0 - step, "train.py:3")
    writer.put_facts(
        "run", [{"script": "train.py", "started": "2026-01-01T00:00:00+00:00", "ended": ended, "steps": 20}]
    )
    writer.close()
    return writer.path


def command(path, *more):
    return [sys.executable, "-m", "netvet", "watch", str(path), *more]


def test_a_pipe_gets_it_once(tmp_path):
    path = stored(tmp_path, ended=None)
    done = subprocess.run(command(path), capture_output=True, text=True, cwd=tmp_path, timeout=120)
    assert done.returncode == 0
    assert "Loss" in done.stdout
    assert "no end so far" in done.stdout


def test_a_terminal_follows_until_the_run_has_ended_and_keeps_the_last_look(tmp_path):
    path = stored(tmp_path, ended="ok")
    main, other = pty.openpty()
    env = {**os.environ, "TERM": "xterm", "COLUMNS": "100", "LINES": "30"}
    with subprocess.Popen(command(path), stdout=other, stderr=other, cwd=tmp_path, env=env) as process:
        os.close(other)
        seen = b""
        while True:
            try:
                part = os.read(main, 65536)
            except OSError:  # the other side is closed
                break
            seen += part
    os.close(main)
    assert process.returncode == 0
    text = seen.decode()
    assert "\x1b[?1049h" in text  # the alternate screen, left again
    assert text.rindex("\x1b[?1049l") < text.rindex("a-run")


def test_no_run_is_one_clear_line(tmp_path):
    done = subprocess.run(command(tmp_path / "none"), capture_output=True, text=True, cwd=tmp_path, timeout=120)
    assert done.returncode == 2
    assert done.stderr.startswith("netvet: error: no runs in")
