"""One process for each backend of Keras, in which programs are run one after the other: imports take ten seconds."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent.parent


class Worker:
    """The process of one backend."""

    def __init__(self, backend: str, folder: Path) -> None:
        paths = os.pathsep.join([str(ROOT / "src"), str(ROOT), os.environ.get("PYTHONPATH", "")])
        quiet = {"KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3", "OMP_NUM_THREADS": "1", "PYTHONPATH": paths}
        self._folder = folder
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__)), str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True, env={**os.environ, **quiet},
        )  # fmt: skip

    def ask(self, **question: Any) -> Any:
        """What the process answers."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        """End it."""
        self._process.communicate("")


def _netvet(command: str, program: str, folder: Path, options: list[str]) -> dict[str, Any]:
    """What a command says of a program, as JSON, with its exit code and what it printed."""
    from netvet.cli import main

    report, said = folder / "report.json", io.StringIO()
    report.unlink(missing_ok=True)
    os.environ["RESULT"] = str(folder / "result.json")
    words = [command, "--store", str(folder / "runs"), "--json", str(report), *options, program]
    code: Any = 0
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            main(words)
        except SystemExit as leave:
            code = leave.code
    found = json.loads(report.read_text()) if report.exists() else {}
    return {"report": found, "code": code, "said": said.getvalue()}


def _plain(program: str, watched: bool, folder: Path) -> dict[str, Any]:
    """Hashes of the weights, and the losses, that a program leaves in `result`."""
    from netvet.cli import main

    os.environ["RESULT"] = str(folder / "result.json")
    with (
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
        contextlib.suppress(SystemExit),
    ):
        if watched:
            main(["run", "--store", str(folder / "runs"), program])
        else:
            runpy.run_path(program, run_name="__main__")
    return dict(json.loads((folder / "result.json").read_text()))


def digest(arrays: Any) -> str:
    """A hash of some arrays."""
    found = hashlib.sha256()
    for array in arrays:
        found.update(array.tobytes())
    return found.hexdigest()


def _answer(question: dict[str, Any], folder: Path) -> Any:
    program = question["program"]
    sys.path[0:0] = [str(Path(program).parent), str(HERE)]
    if question["what"] in ("run", "recipe", "tune"):
        return _netvet(question["what"], program, folder, question.get("options", []))
    if question["what"] == "result":  # of the program that was run last
        return json.loads((folder / "result.json").read_text())
    if question["what"] == "printed":
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            runpy.run_path(program, run_name="__main__")
        return {"said": said.getvalue()}
    return _plain(program, question["what"] == "watched", folder)


if __name__ == "__main__":
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    here = Path(sys.argv[1])
    os.chdir(here)
    for line in sys.stdin:
        try:
            answer = _answer(json.loads(line), here)
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
