"""Run the tests of every extra, each in an environment of its own.

    python -m tools.test_extras [--make] [NAME ...]

An extra is a folder of tests/extras/: its tests, the pins that they need (requirements.txt), and, in pyproject.toml,
the optional dependencies of that name, where there are any. The environments lie in .venvs/ and are made anew when the
pins or pyproject.toml have changed.

One folder runs on each core: two processes of one folder would both import its framework. While tests run, the next
environment is made: the ones wait for the processor, the other for the network and the disk.

uv installs, because it links files that it has unpacked once: seconds an environment instead of minutes. It does not
look where pip was told to look (a folder of wheels with a build of torch for CPUs, say), so pip brings torch.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parent.parent
EXTRAS = ROOT / "tests" / "extras"
ENVIRONMENTS = ROOT / ".venvs"
WHEELS = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "netvet-wheels"
# A folder should take a minute or two; what hangs is ended, so that one hanging test does not cost the whole of CI.
SECONDS = 1_800
RUNNER = ("pytest", "pytest-xdist")
CORES = 2


@dataclass(frozen=True)
class Extra:
    """A folder of tests/extras/."""

    folder: Path

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def environment(self) -> Path:
        return ENVIRONMENTS / self.name

    @property
    def python(self) -> Path:
        return self.environment / "bin" / "python"

    @property
    def requirements(self) -> Path:
        return self.folder / "requirements.txt"

    def wanted(self) -> list[str]:
        """What is installed, as arguments of `uv pip install`: pytest, netvet with the extra, and the pins."""
        netvet = f"{ROOT}[{self.name}]" if self.name in _project()["optional-dependencies"] else f"{ROOT}"
        pins = ["--requirements", str(self.requirements)] if self.requirements.exists() else []
        return [*_pinned(RUNNER), "--editable", netvet, *pins]

    def size(self) -> int:
        """Bytes of tests and programs: a folder with more of them takes longer."""
        return sum(path.stat().st_size for path in self.folder.rglob("*.py"))

    def fingerprint(self) -> str:
        """Of all that decides what is installed."""
        pins = self.requirements.read_bytes() if self.requirements.exists() else b""
        parts = (sys.version.encode(), torch_pin().encode(), (ROOT / "pyproject.toml").read_bytes(), pins)
        return hashlib.sha256(b"\0".join(parts)).hexdigest()


@dataclass(frozen=True)
class Outcome:
    """What came of one folder; `output` is empty where nothing went wrong."""

    name: str
    installed: float = 0.0
    seconds: float = 0.0
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    output: str = ""

    @property
    def wrong(self) -> bool:
        return bool(self.output)

    def line(self) -> str:
        """The row of the table."""
        numbers = f"{self.installed:7.1f}s {self.seconds:6.1f}s {self.passed:7} {self.failed:6} {self.skipped:7}"
        return f"{self.name:14} {numbers}{'  WRONG' if self.wrong else ''}"


def extras(names: Sequence[str]) -> list[Extra]:
    """The folders with tests or pins, or those of these names, the largest first.

    Raises:
        SystemExit: there is no folder of such a name.
    """
    found = {f.name: Extra(f) for f in sorted(EXTRAS.glob("*")) if any(f.glob("test_*.py")) or _pins(f).exists()}
    unknown = [name for name in names if name not in found]
    if unknown:
        raise SystemExit(f"no folder tests/extras/{unknown[0]} with tests; there are: {', '.join(found)}")
    return sorted((found[name] for name in names or found), key=Extra.size, reverse=True)


def _pins(folder: Path) -> Path:
    return folder / "requirements.txt"


@cache
def _project() -> dict[str, dict[str, list[str]]]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def _pinned(names: Sequence[str]) -> list[str]:
    """The exact requirements of the main environment for these packages."""
    return [one for one in _project()["optional-dependencies"]["dev"] if one.partition("==")[0] in names]


@cache
def torch_pin() -> str:
    """`torch==...`, as the Makefile has it: no range of a framework may pull another one."""
    found = re.search(r"^TORCH := (\S+)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert found, "the Makefile has no line `TORCH := torch==...`"
    return found[1]


def torch_wheel() -> None:
    """Let pip bring torch into a folder of wheels outside the repository, the first time."""
    if not any(WHEELS.glob(torch_pin().replace("==", "-") + "*.whl")):
        _call(sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(WHEELS), torch_pin())


def install(extra: Extra) -> float:
    """Make the environment of an extra, unless it is there already.

    Returns:
        Seconds.

    Raises:
        subprocess.CalledProcessError: something cannot be installed; its `output` says what.
    """
    start, ready = time.perf_counter(), extra.environment / "ready"
    if not ready.exists() or ready.read_text() != extra.fingerprint():
        ready.unlink(missing_ok=True)
        _call(sys.executable, "-m", "venv", "--without-pip", "--clear", str(extra.environment))
        bound = extra.environment / "constraints.txt"
        bound.write_text(torch_pin() + "\n")
        torch_wheel()
        where = ["--python", str(extra.python), "--find-links", str(WHEELS), "--constraints", str(bound)]
        _call(sys.executable, "-m", "uv", "pip", "install", "--quiet", *where, *extra.wanted())
        ready.write_text(extra.fingerprint())
    return time.perf_counter() - start


def _call(*command: str) -> None:
    subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def run(extra: Extra, workers: int, installed: float) -> Outcome:
    """The tests of an extra, in its environment."""
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        report, output = Path(folder) / "report.xml", Path(folder) / "output.txt"
        command = [str(extra.python), "-m", "pytest", str(extra.folder), "-p", "no:cacheprovider", "-n", str(workers)]
        code = _code([*command, f"--junitxml={report}"], output, extra.python.parent)
        passed, failed, skipped = counts(report)
        told = f"{output.read_text(errors='replace')}\n{extra.name}: {code}, {passed} tests passed\n"
    fine = code == "exit code 0" and passed
    seconds = time.perf_counter() - start
    return Outcome(extra.name, installed, seconds, passed, failed, skipped, "" if fine else told)


def _code(command: Sequence[str], output: Path, programs: Path) -> str:
    """Run a command, which is ended when it takes too long; how it ended, in words.

    Args:
        programs: the folder of programs that comes first in the path.
    """
    # uv compiles nothing: what is imported is compiled once, and kept, unless that is switched off.
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    env["PATH"] = os.pathsep.join([str(programs), env.get("PATH", os.defpath)])
    with output.open("w") as file:
        try:
            done = subprocess.run(
                command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=file, stderr=file, timeout=SECONDS
            )
        except subprocess.TimeoutExpired:
            return f"ended after {SECONDS} s"
    return f"exit code {done.returncode}"


def counts(report: Path) -> tuple[int, int, int]:
    """Tests passed, failed and skipped, of the file that `pytest --junitxml` writes; all 0 without one."""
    if not report.exists():
        return 0, 0, 0
    suites = list(ElementTree.parse(report).iter("testsuite"))
    number = {key: sum(int(s.get(key, 0)) for s in suites) for key in ("tests", "failures", "errors", "skipped")}
    failed = number["failures"] + number["errors"]
    return number["tests"] - failed - number["skipped"], failed, number["skipped"]


def outcome(extra: Extra, installed: Future[float], workers: int) -> Outcome:
    """Wait for the environment of an extra, and run its tests."""
    try:
        return run(extra, workers, installed.result())
    except subprocess.CalledProcessError as error:
        told = f"{' '.join(map(str, error.cmd))}\n{error.output}\n{extra.name}: not installed\n"
        return Outcome(extra.name, failed=1, output=told)


def outcomes(chosen: Sequence[Extra]) -> Iterator[Outcome]:
    """All folders as they end; a single one has all cores."""
    workers = CORES if len(chosen) == 1 else 0
    with ThreadPoolExecutor(1) as installer, ThreadPoolExecutor(CORES) as cores:
        made = [installer.submit(install, one) for one in chosen]
        running = [cores.submit(outcome, one, future, workers) for one, future in zip(chosen, made, strict=True)]
        try:
            for future in as_completed(running):
                yield future.result()
        finally:
            for future in (*made, *running):
                future.cancel()


def summary(found: Sequence[Outcome], seconds: float) -> str:
    """The closing line, as pytest writes it."""
    numbers = {word: sum(getattr(one, word) for one in found) for word in ("failed", "passed", "skipped")}
    told = ", ".join(f"{number} {word}" for word, number in numbers.items() if number) or "no tests ran"
    return f" {told} in {seconds:.2f}s ".center(80, "=")


def main() -> int:
    """Test the extras; exit code 1 when a test failed or a folder ran none."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="folders of tests/extras; all of them without a name")
    parser.add_argument("--make", action="store_true", help="make the environments, and run nothing")
    args = parser.parse_args()
    chosen = extras(args.names)
    if args.make:
        for extra in chosen:
            install(extra)
        return 0
    start, found = time.perf_counter(), []
    print("extra          install   tests  passed failed skipped", flush=True)
    for one in outcomes(chosen):
        print(f"{one.output}{one.line()}", flush=True)
        found.append(one)
    print(summary(found, time.perf_counter() - start))
    return int(not found or any(one.wrong for one in found))


if __name__ == "__main__":
    sys.exit(main())
