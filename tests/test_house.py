"""The rules of the house: who may import what, how big a thing may grow, what every check comes with."""

from __future__ import annotations

import ast
import doctest
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path

import pytest

import netvet
from benchmarks.scoring import read_header
from netvet.checks import NAMES, load
from netvet.core import Facts, LayerSeries, Series
from netvet.signals import SIGNALS

ROOT = Path(__file__).resolve().parent.parent
SRC = ROOT / "src" / "netvet"

MAX_FILE = 400
MAX_CHECK = 120
MAX_FUNCTION = 40
# CPU seconds for `netvet --help`, interpreter start included.
MAX_HELP = 0.3

# What each part may import of netvet besides itself, and which packages that are not in the standard library.
BELOW = {"core", "decode", "signals", "stats", "store", "checks", "diagnose", "capture", "executors"}
APPLIED = {"compare", "config", "stopping", "experiments", "fixes", "data", "recipe", "report", "reporter", "ui"}
LAYERS: dict[str, tuple[set[str], set[str]]] = {
    "core": (set(), {"numpy"}),
    "decode": (set(), {"numpy"}),
    "signals": ({"core"}, {"numpy"}),
    "stats": ({"core"}, {"numpy"}),
    "changes": ({"core", "stats"}, {"numpy"}),
    "curves": ({"core", "stats", "changes"}, {"numpy"}),
    "store": ({"core", "signals"}, {"numpy"}),
    "checks": ({"core", "stats", "changes", "curves"}, {"numpy"}),
    "locate": ({"core"}, set()),
    "diagnose": ({"core", "locate", "signals", "store", "checks"}, set()),
    "compare": ({"core", "signals", "store", "checks", "diagnose"}, {"numpy"}),
    "config": ({"core", "checks", "diagnose"}, set()),
    "stopping": ({"core", "diagnose", "store"}, set()),
    "capture": ({"core", "decode", "signals", "store"}, {"numpy", "safetensors"}),
    "executors": ({"core"}, set()),
    "experiments": (BELOW, {"numpy", "torch", "scipy", "sklearn", "cloudpickle", "optuna", "datasets", "PIL"}),
    "fixes": (BELOW | {"experiments"}, {"numpy", "torch", "keras", "jax", "libcst"}),
    "data": (
        BELOW | {"experiments"},
        {"numpy", "torch", "scipy", "sklearn", "PIL", "pyarrow", "soundfile", "rensa", "datasets"},
    ),
    "report": ({"core", "signals", "store", "diagnose", "compare"}, {"numpy", "rich", "matplotlib"}),
    "export": (
        {"core", "signals", "store", "report"},
        {"numpy", "tensorboardX", "wandb", "mlflow", "aim", "prometheus_client", "opentelemetry", "pyarrow"},
    ),
    "mcp": (
        {"core", "checks", "config", "store", "report", "reporter"},
        {"mcp", "pydantic", "anyio", "typing_extensions"},
    ),
    "ui": ({"core", "signals", "store", "diagnose", "report", "data"}, {"numpy", "starlette", "uvicorn"}),
    "reporter": ({"core", "diagnose", "config", "store", "data", "report"}, set()),
    "diagnosed": ({"core", "checks", "diagnose", "config", "report"}, set()),
    "watch": (
        {"core", "checks", "diagnose", "config", "store", "stopping", "capture", "export", "report", "reporter"},
        set(),
    ),
    "adapters": (
        {"core", "checks", "diagnose", "config", "store", "stopping", "capture", "report", "reporter", "watch"},
        {
            "numpy",
            "torch",
            "lightning",
            "pytorch_lightning",
            "transformers",
            "accelerate",
            "keras",
            "jax",
            "ignite",
            "fastai",
            "skorch",
        },
    ),
    "vetting": (BELOW | {"config", "experiments", "report", "reporter", "watch"}, {"torch"}),
    "pytest_plugin": ({"core", "capture", "vetting"}, {"pytest"}),
    "audit": ({"core", "checks", "config", "store", "data", "report", "reporter"}, set()),
    "recipe": (BELOW - {"capture"} | {"config", "experiments", "report", "reporter"}, set()),
    "fix": ({"core", "checks", "config", "store", "experiments", "fixes", "recipe", "report", "reporter"}, set()),
    "testing": (BELOW - {"capture"}, {"numpy"}),
    "cli": (BELOW | APPLIED | {"export", "mcp"}, {"click", "rich"}),
    "__init__": ({"audit", "core", "diagnose", "diagnosed", "experiments", "fix", "recipe", "store", "watch"}, set()),
    "__main__": ({"cli"}, set()),
}
FRAMEWORKS = {"torch", "lightning", "transformers", "keras", "jax"}
# A module of capture or experiments knows one framework more, by the first word of its name; Keras sits on three.
CAPTURE_EXTRA = {"keras": {"keras", "torch", "jax", "tensorflow"}, "jax": {"jax", "jaxlib", "flax", "optax", "equinox"}}
# Pure functions need no more of the standard library than this.
CHECK_STDLIB = {"__future__", "collections", "dataclasses", "functools", "itertools", "math", "re", "typing"}
IMPURE_CALLS = {"open", "print", "input", "eval", "exec", "__import__"}
IMPURE_NUMPY = {f"{n}.{a}" for n in ("np", "numpy") for a in ("random", "load", "save", "savez", "fromfile", "memmap")}

HEAVY = {"torch", "keras", "jax", "pandas", "plotly", "numpy", "rich", "starlette"}
SECTIONS = ("## Why it matters", "## Example", "## Known problems", "## References")
VAGUE = {"utils", "util", "helpers", "helper", "common", "manager", "managers", "misc"}


def python_files(*folders: str) -> list[Path]:
    return [p for folder in folders for p in sorted((ROOT / folder).rglob("*.py"))]


def own_files() -> list[Path]:
    """All code that is held to the budgets: not the corpus, which is written as other people write."""
    corpus = {
        ROOT / "tests" / "sick",
        ROOT / "tests" / "healthy",
        ROOT / "benchmarks" / "programs",
        ROOT / "benchmarks" / "repairs",
        ROOT / "benchmarks" / "heldout",
    }
    corpus |= {p for p in (ROOT / "tests" / "extras").glob("*/*") if p.name in ("sick", "healthy")}
    files = python_files("src", "tests", "tools", "benchmarks", "examples")
    return [p for p in files if not corpus & set(p.parents)]


def check_files() -> list[Path]:
    return [p for p in sorted((SRC / "checks").glob("*.py")) if p.name != "__init__.py"]


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


def fail_with(offenders: Iterable[str], rule: str) -> None:
    listed = sorted(offenders)
    if listed:
        pytest.fail(f"{rule} ({len(listed)}):\n  " + "\n  ".join(listed), pytrace=False)


def imported(path: Path) -> Iterator[tuple[str, ast.stmt]]:
    """Every module that a file imports anywhere, with the full dotted name; `from p import m` gives p.m for modules."""
    package = ["netvet", *path.relative_to(SRC).parent.parts]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            up = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*up, *([node.module] if node.module else [])])
            yield from ((_target(base, alias.name), node) for alias in node.names)


def _target(base: str, name: str) -> str:
    """`netvet` or one of its packages plus a name is the module of that name, where there is one."""
    inside = SRC.joinpath(*base.split(".")[1:]) / name
    is_module = base.split(".")[0] == "netvet" and (inside.is_dir() or inside.with_suffix(".py").exists())
    return f"{base}.{name}" if is_module else base


def part_of(path: Path) -> str:
    return path.relative_to(SRC).parts[0].removesuffix(".py")


def allowed_packages(path: Path) -> set[str]:
    part = part_of(path)
    packages = set(LAYERS[part][1])
    if part in ("capture", "experiments"):
        first = path.relative_to(SRC / part).parts[0].removesuffix(".py").partition("_")[0]
        packages |= CAPTURE_EXTRA.get(first, {first} & FRAMEWORKS)
    if part == "experiments":  # what trains with another framework has its name in front
        packages |= {path.name.removesuffix(".py").partition("_")[0]} & FRAMEWORKS
    return packages


def wrong_imports(path: Path) -> Iterator[str]:
    part = part_of(path)
    if part not in LAYERS:
        yield f"{shown(path)}: no layer is known for {part!r}; add it to LAYERS and to docs/design.md"
        return
    # The package itself is light (its version, its folder); a check needs neither that nor another check.
    is_check = path in check_files()
    inside = LAYERS[part][0] | (set() if is_check else {part, ""})
    for name, node in imported(path):
        root, _, inner = name.partition(".")
        if root == "netvet":
            wrong = inner.partition(".")[0] not in inside
        else:
            wrong = root not in sys.stdlib_module_names and root not in allowed_packages(path)
        if wrong:
            yield f"{shown(path)}:{node.lineno}: {part} imports {name}"


def test_each_layer_imports_only_those_below_it():
    fail_with((w for p in python_files("src") for w in wrong_imports(p)), "imports against the direction")


def test_checks_are_pure():
    def impurities() -> Iterator[str]:
        for path in check_files():
            for name, node in imported(path):
                root = name.partition(".")[0]
                if root in sys.stdlib_module_names and root not in CHECK_STDLIB:
                    yield f"{shown(path)}:{node.lineno}: imports {name}"
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in IMPURE_CALLS:
                    yield f"{shown(path)}:{node.lineno}: calls {node.func.id}"
                if isinstance(node, ast.Attribute) and ast.unparse(node) in IMPURE_NUMPY:
                    yield f"{shown(path)}:{node.lineno}: uses {ast.unparse(node)}"

    fail_with(impurities(), f"checks are pure and take only {', '.join(sorted(CHECK_STDLIB))} of the standard library")


def module_level_imports(path: Path) -> Iterator[tuple[str, int]]:
    """Imports that run when the module is imported: not in functions, not under TYPE_CHECKING."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    late: set[ast.AST] = set()
    for node in ast.walk(tree):
        typing_only = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        if typing_only or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            late.update(ast.walk(node))
    late_lines = {n.lineno for n in late if isinstance(n, ast.Import | ast.ImportFrom)}
    yield from ((name, node.lineno) for name, node in imported(path) if node.lineno not in late_lines)


def test_the_command_line_imports_everything_lazily():
    files = [SRC / "cli.py"] if (SRC / "cli.py").exists() else sorted((SRC / "cli").rglob("*.py"))
    offenders = [
        f"{shown(path)}:{line}: {name}"
        for path in [*files, SRC / "__init__.py"]
        for name, line in module_level_imports(path)
        if name.partition(".")[0] not in sys.stdlib_module_names | {"click"}
        and name != "netvet"
        and not name.startswith("netvet.cli.")
    ]
    fail_with(offenders, "import these in the function that needs them")


def test_importing_netvet_loads_nothing_heavy():
    fail_with(heavy_after("import netvet"), "`import netvet` loads")


def test_help_loads_no_framework():
    fail_with(heavy_after("import netvet.cli; netvet.cli.main(['--help'])"), "`netvet --help` loads")


def heavy_after(code: str) -> set[str]:
    script = f"import atexit, sys\natexit.register(lambda: print('LOADED', *sys.modules))\n{code}\n"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return HEAVY & set(done.stdout.rpartition("LOADED")[2].split())


@pytest.mark.skipif(not hasattr(os, "wait4"), reason="needs the CPU time of one child process")
def test_help_answers_quickly():
    times = []
    for _ in range(5):
        child = subprocess.Popen([sys.executable, "-m", "netvet", "--help"], stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        assert child.returncode == 0
        times.append(usage.ru_utime + usage.ru_stime)
    assert min(times) < MAX_HELP, f"`netvet --help` took {min(times):.2f} s of CPU time"


def test_every_public_name_exists():
    fail_with((name for name in netvet.__all__ if getattr(netvet, name, None) is None), "names without a thing")


def test_a_public_function_keeps_its_name_beside_its_module():
    for name in ("diagnose", "recipe", "watch"):
        import_module(f"netvet.{name}")
        assert callable(getattr(netvet, name))


def test_files_are_short():
    limits = {path: MAX_CHECK if path.parent == SRC / "checks" else MAX_FILE for path in own_files()}
    limits[SRC / "checks" / "__init__.py"] = MAX_FILE
    lines = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in limits}
    fail_with((f"{shown(p)}: {n} lines > {limits[p]}" for p, n in lines.items() if n > limits[p]), "files too long")


def long_functions(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0]
            is_doc = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
            doc = first.end_lineno - first.lineno + 1 if is_doc and isinstance(first.value.value, str) else 0
            length = node.end_lineno - node.lineno + 1 - doc
            if length > MAX_FUNCTION:
                yield f"{shown(path)}:{node.lineno}: {node.name} has {length} lines > {MAX_FUNCTION}"


def test_functions_are_short():
    fail_with((f for path in own_files() for f in long_functions(path)), "functions too long")


def test_names_say_what_a_module_does():
    paths = [p for p in own_files() if VAGUE & {part.removesuffix(".py") for part in p.relative_to(ROOT).parts}]
    fail_with(map(shown, paths), "names that say nothing")


def test_the_table_of_checks_is_the_folder():
    files = {p.stem.replace("_", "-") for p in check_files()}
    assert files, "there are no checks"
    assert len(NAMES) == len(set(NAMES)), "a check is twice in NAMES"
    fail_with(
        [f"{n}: in NAMES, no file" for n in set(NAMES) - files]
        + [f"{n}: a file, not in NAMES" for n in files - set(NAMES)],
        "checks/ and NAMES differ",
    )


@pytest.mark.parametrize("pattern", ["tests/checks/test_{snake}.py", "tests/sick/{snake}.py", "docs/checks/{name}.md"])
def test_every_check_comes_with(pattern):
    wanted = [pattern.format(name=name, snake=name.replace("-", "_")) for name in NAMES]
    fail_with((w for w in wanted if not (ROOT / w).exists()), "missing")


def test_every_check_names_signals_and_checks_that_exist():
    known = {*NAMES, *planned_checks()}

    def unknown() -> Iterator[str]:
        for one in map(load, NAMES):
            yield from (f"{one.name}: no signal {s!r}" for s in (*one.required, *one.optional) if s not in SIGNALS)
            yield from (f"{one.name}: explained by {c!r}, no such check" for c in one.explained_by if c not in known)
            if not one.required and not one.optional:
                yield f"{one.name}: needs no signal"

    fail_with(unknown(), "names that do not exist")


def test_every_check_has_its_page():
    offenders = [f"{name}: no {part!r}" for name in NAMES for part in SECTIONS if part not in load(name).doc]
    fail_with(offenders, "docstrings without a section")


def test_every_check_names_experiments_that_exist():
    from netvet.experiments import EXPERIMENTS

    known = {one.name for one in EXPERIMENTS}
    wrong = [f"{name}: no experiment {e!r}" for name in NAMES for e in load(name).experiments if e not in known]
    fail_with(wrong, "experiments that do not exist")


EXPERIMENT_SECTIONS = ("## Why it matters", "## How it is done", "## Known problems", "## References")


def test_every_experiment_has_its_file_its_tests_and_its_page():
    from netvet.experiments import EXPERIMENTS

    tests = "".join(p.read_text() for p in (ROOT / "tests" / "experiments").glob("test_*.py"))

    def missing() -> Iterator[str]:
        for one in EXPERIMENTS:
            module = f"netvet.experiments.{one.name.replace('-', '_')}"
            if one.run.__module__ != module:
                yield f"{one.name} is not in a file of its name"
            if f"from {module} import" not in tests:
                yield f"{one.name} has no tests"
            yield from (f"{one.name}: no {part!r}" for part in EXPERIMENT_SECTIONS if part not in one.doc)

    fail_with(missing(), "experiments that lack something")


def example_of(name: str) -> str:
    doc = load(name).doc
    return doc.partition("## Example")[2].partition("\n## ")[0]


@pytest.mark.parametrize("name", NAMES)
def test_the_example_runs(name):
    example = example_of(name)
    assert ">>>" in example, f"{name}: no doctest under '## Example'"
    module = import_module(f"netvet.checks.{name.replace('-', '_')}")
    names = {"Facts": Facts, "LayerSeries": LayerSeries, "Series": Series, **vars(module)}
    told: list[str] = []
    test = doctest.DocTestParser().get_doctest(example, names, name, module.__file__, 0)
    doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS).run(test, out=told.append)
    assert not told, f"{name}: the example does not give what it says\n" + "".join(told)


def planned_checks() -> set[str]:
    """Checks of the catalogue that are not written yet: programs and other checks may name them already."""
    return set((ROOT / "tests" / "planned_checks.txt").read_text(encoding="utf-8").split())


def test_every_program_of_the_corpus_has_a_readable_header():
    known = {*NAMES, *planned_checks()}

    def unreadable() -> Iterator[str]:
        for path in python_files("tests/sick", "tests/healthy"):
            try:
                header = read_header(path.read_text(encoding="utf-8"))
            except ValueError as error:
                yield f"{shown(path)}: {error}"
                continue
            if header.healthy != (path.parent.name == "healthy"):
                yield f"{shown(path)}: in the wrong folder"
            yield from (f"{shown(path)}: no check {n!r}" for n in header.expected if n not in known)

    fail_with(unreadable(), "headers")
