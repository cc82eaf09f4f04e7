"""Which stored run a person means."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path

from netvet.core import NetvetError
from netvet.store.reader import Run


def run_folder(store: Path, name: str) -> Path:
    """The folder of a run directly below the store, by its name.

    Raises:
        NetvetError: there is none.
    """
    path = store / name
    if name in ("", ".", "..") or path.parent != store or not path.is_dir():
        raise NetvetError(f"no run {name!r}")
    return path


def find_run(wanted: str | None, store: Path) -> Run:
    """The run at a path, of a name (or its unmistakable beginning) in the store, or the newest.

    A trial of a fix is not the newest run of its program.

    Raises:
        NetvetError: there is none.
    """
    if wanted is not None and Path(wanted).exists():
        return Run.open(Path(wanted))
    runs = Run.list(store)
    if not runs:
        raise NetvetError(f"no runs in {store}; `netvet run train.py` makes one, --store names another folder")
    if wanted is None:
        return Run.open(next((found.path for found in runs if found.trial is None), runs[0].path))
    names = [found.path.name for found in runs]
    matches = [name for name in names if name == wanted] or [name for name in names if name.startswith(wanted)]
    if len(matches) == 1:
        return Run.open(runs[names.index(matches[0])].path)
    close = matches[:3] or get_close_matches(wanted, names, cutoff=0.4)
    hint = f"did you mean {' or '.join(close)}?" if close else "`netvet runs` lists them"
    raise NetvetError(f"no {'single ' if matches else ''}run {wanted!r} in {store}; {hint}")
