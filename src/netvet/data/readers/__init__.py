"""From what a user names to a `Source`. One module for each form of data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from netvet.core import NetvetError
from netvet.data.chunks import Source


@dataclass(frozen=True)
class Wanted:
    """What the user says of the data.

    Args:
        paths: by split (an empty name where the user named none).
        target: column, or key of an array, that is to be predicted.
        labels: CSV file with a label for each file.
        columns: further columns by what they are: `group`, `time`.
    """

    paths: Mapping[str, Path]
    target: str | None = None
    labels: Path | None = None
    columns: Mapping[str, str] | None = None


# Ending of a file (or of files in a folder) -> module below. Its function `open_source` takes a `Wanted`.
ENDINGS: Mapping[str, str] = {
    ".npz": "arrays", ".npy": "arrays",
    ".png": "images", ".jpg": "images", ".jpeg": "images", ".jpe": "images", ".gif": "images", ".bmp": "images",
    ".tif": "images", ".tiff": "images", ".webp": "images", ".ppm": "images", ".pgm": "images", ".pbm": "images",
    ".pnm": "images",
    ".wav": "audio", ".flac": "audio", ".ogg": "audio",
    ".tar": "tars", ".tar.gz": "tars", ".tgz": "tars",
    ".csv": "tables", ".tsv": "tables", ".parquet": "tables", ".pq": "tables",
    ".arrow": "tables", ".feather": "tables", ".ipc": "tables", ".jsonl": "tables", ".ndjson": "tables",
    ".txt": "texts", ".bin": "tokens",
}  # fmt: skip


# Before the name of a data set of Hugging Face.
HUB = "hf:"
# Files of a folder that tell what it holds.
_LOOKED_AT = 1_000


def wanted_paths(targets: Sequence[str]) -> dict[str, Path]:
    """`DIR`, or `train=DIR`, `val=FILE`, ...: the path of each split; `hf:NAME` is a data set of Hugging Face.

    Raises:
        NetvetError: there is nothing at a path, or a split is named twice.
    """
    found: dict[str, Path] = {}
    for target in targets:
        split, _, path = target.rpartition("=") if not Path(target).exists() else ("", "", target)
        if not path.startswith(HUB) and not Path(path).exists():
            raise NetvetError(f"{path}: there is no such file or folder; give one, or SPLIT=PATH for each split")
        if split in found:
            raise NetvetError(f"{target}: two paths for {split or 'data without a split'}; name each as SPLIT=PATH")
        found[split] = Path(path)
    return found


def open_source(wanted: Wanted) -> Source:
    """The reader for the files at the paths, by their endings.

    Raises:
        NetvetError: no reader knows them.
    """
    kinds = {_module(path) for path in wanted.paths.values()}
    if len(kinds) != 1:
        raise NetvetError(f"splits of several forms ({', '.join(sorted(kinds))}); expected one form for all of them")
    found: Source = import_module(f"netvet.data.readers.{kinds.pop()}").open_source(wanted)
    return found


def _module(path: Path) -> str:
    if str(path).startswith(HUB):
        return "hub"
    if path.is_dir():
        return _of_folder(path)
    from netvet.data.readers.tokens import is_tokens
    from netvet.data.readers.walk import ending

    form = ending(path.name)
    if form not in ENDINGS:
        raise NetvetError(f"{path}: no reader knows {form or 'it'}; expected one of {' '.join(sorted(ENDINGS))}")
    return "tokens" if form == ".npy" and is_tokens(path) else ENDINGS[form]


def _of_folder(path: Path) -> str:
    """The reader for most of the first files in a folder."""
    if (path / "dataset_dict.json").exists() or (path / "dataset_info.json").exists():
        return "hub"
    from netvet.data.readers.walk import ending, names

    found = Counter(ENDINGS[ending(name)] for name in names(path, _LOOKED_AT) if ending(name) in ENDINGS)
    if not found:
        raise NetvetError(f"{path}: no file in it has a known ending; expected one of {' '.join(sorted(ENDINGS))}")
    return found.most_common(1)[0][0]
