"""Which framework a program trains with, read off its imports: it decides which taps are put in."""

from __future__ import annotations

import ast
import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, get_args

from netvet.core import NetvetError

Framework = Literal["torch", "keras", "jax"]
FRAMEWORKS: tuple[Framework, ...] = get_args(Framework)
NAMES: dict[Framework, str] = {"torch": "PyTorch", "keras": "Keras", "jax": "JAX"}

# What a program imports that trains with each. Lightning, Hugging Face, Ignite, fastai and skorch sit on PyTorch.
_OF_KERAS = frozenset({"keras", "tensorflow", "tf_keras"})
_OF_JAX = frozenset({"jax", "flax", "optax", "equinox", "haiku"})
_OF_TORCH = frozenset({
    "torch", "lightning", "pytorch_lightning", "transformers", "accelerate", "ignite", "fastai", "skorch",
})  # fmt: skip
# Methods that train a Keras model; a program of PyTorch may import Keras for a data set alone.
_FITTING = frozenset({"fit", "train_on_batch"})
_MOST_FILES = 200


def framework_of(target: str, *, is_module: bool) -> Framework:
    """The framework of a program: that of its imports and of those of its own modules.

    Of several: Keras where something is fitted, else PyTorch, else JAX. PyTorch where nothing is known.

    Args:
        target: path of a script, or name of a module when `is_module`.
    """
    path = _file_of(target) if is_module else Path(target)
    trees = list(_own_trees(path)) if path is not None and path.is_file() else []
    roots = {name.partition(".")[0] for tree in trees for name in _imported(tree)}
    if roots & _OF_KERAS and (not roots & _OF_TORCH or any(_fits(tree) for tree in trees)):
        return "keras"
    return "jax" if roots & _OF_JAX and not roots & _OF_TORCH else "torch"


def require(framework: Framework) -> None:
    """Ask for the framework before anything needs it.

    Raises:
        NetvetError: it is not installed.
    """
    if importlib.util.find_spec(framework) is None:
        name = {"keras": "Keras 3"}.get(framework, NAMES[framework])
        raise NetvetError(
            f"{name} is not installed here; `pip install {framework}` or `pip install 'netvet[{framework}]'`"
        )


def require_program(command: str, target: str, *, is_module: bool = False) -> Framework:
    """The framework of a program, for commands that repeat its training on copies, which takes PyTorch too.

    Raises:
        NetvetError: its framework, or PyTorch, is not installed.
    """
    framework = framework_of(target, is_module=is_module)
    require(framework)
    if importlib.util.find_spec("torch") is None:
        raise NetvetError(
            f"netvet {command} makes its trials with PyTorch, beside {NAMES[framework]}, and PyTorch is not installed "
            "here; `pip install torch` or `pip install 'netvet[torch]'`"
        )
    return framework


def _file_of(module: str) -> Path | None:
    """The file that `python -m` would run, found without importing anything."""
    base = Path.cwd().joinpath(*module.split("."))
    return next((p for p in (base.with_suffix(".py"), base / "__main__.py") if p.is_file()), None)


def _own_trees(path: Path) -> Iterator[ast.Module]:
    """The program, and the modules of its own that it imports, from its folder or the working directory."""
    waiting, seen = [path], {path.resolve()}
    while waiting and len(seen) < _MOST_FILES:
        one = waiting.pop(0)
        try:
            tree = ast.parse(one.read_bytes())
        except (SyntaxError, ValueError, OSError):  # Python itself will say what is wrong with it
            continue
        yield tree
        folders = {path.parent, Path(os.getcwd()), one.parent}
        for name in _imported(tree):
            for folder in folders:
                base = folder.joinpath(*name.split("."))
                found = [p for p in (base.with_suffix(".py"), base / "__init__.py") if p.is_file()]
                waiting += [p for p in found if p.resolve() not in seen]
                seen.update(p.resolve() for p in found)


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            yield from ([base] if base else [])
            yield from (f"{base}.{alias.name}".lstrip(".") for alias in node.names)


def _fits(tree: ast.Module) -> bool:
    called = (node.func for node in ast.walk(tree) if isinstance(node, ast.Call))
    return any(isinstance(f, ast.Attribute) and f.attr in _FITTING for f in called)
