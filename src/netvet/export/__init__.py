"""Runs for other services: the table of exporters, each a file of this package that is imported when needed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, TextIO

from netvet.core import NetvetError

if TYPE_CHECKING:
    from netvet.export.content import Content


@dataclass(frozen=True, slots=True)
class Exporter:
    """Where a run can go.

    Attributes:
        needs: a module of the client; empty where the standard library is enough.
        package: what brings it. extra: of netvet, which brings the package.
        points: values of a series, at most; None: all that the store has.
        values: of all series together, at most, where a series keeps 50 of them all the same.
        what: one line for the list.
    """

    what: str
    needs: str = ""
    package: str = ""
    extra: str = ""
    points: int | None = None
    values: int | None = None


# 1,000: what TensorBoard itself draws of a series, and more than a chart of W&B or MLflow has pixels for. The bounds
# on all values keep an export of 2,000 series of layers to about a minute.
EXPORTERS: Mapping[str, Exporter] = {
    "tensorboard": Exporter(
        "event files: scalars, texts, hyperparameters", "tensorboardX", "tensorboardX", "tensorboard", 1_000, 500_000
    ),
    "wandb": Exporter(
        "a run of Weights & Biases, offline unless WANDB_MODE=online", "wandb", "wandb", "wandb", 1_000, 500_000
    ),
    "mlflow": Exporter("a run of MLflow, with the report as artifacts", "mlflow", "mlflow", "mlflow", 1_000, 100_000),
    # 50,000: its client takes a third of a millisecond for each.
    "aim": Exporter("a run of Aim", "aim", "aim", "aim", 1_000, 50_000),
    "prometheus": Exporter(
        "last values and counts of findings, as text", "prometheus_client", "prometheus-client", "prometheus"
    ),
    "otel": Exporter(
        "last values as metrics, findings as events: OTLP, or JSON",
        "opentelemetry.sdk.metrics",
        "opentelemetry-sdk",
        "otel",
    ),
    "csv": Exporter("a table of all values, and one of findings"),
    "jsonl": Exporter("run, values, findings and diagnosis, one a line"),
    "parquet": Exporter("the tables of csv as Parquet", "pyarrow.parquet", "pyarrow", "parquet"),
}


def require(name: str) -> Exporter:
    """The exporter, if its client is installed.

    Raises:
        NetvetError: there is no such exporter, or its client is missing.
    """
    if name not in EXPORTERS:
        raise NetvetError(f"cannot export to {name!r}; expected one of: {', '.join(EXPORTERS)}")
    found = EXPORTERS[name]
    if found.needs and not _installed(found.needs):
        raise NetvetError(
            f"exporting to {name} needs {found.package}, which is not installed: pip install 'netvet[{found.extra}]'"
        )
    return found


def _installed(module: str) -> bool:
    try:
        spec = find_spec(module)
    except ImportError:
        return False
    # A folder that happens to have the name (W&B leaves `wandb/` behind) has no origin.
    return spec is not None and spec.origin is not None


def export(name: str, content: Content, output: str | None, stream: TextIO) -> str | None:
    """Hand a run over.

    Args:
        output: file, folder or address; None: where the exporter puts it by itself.
        stream: the standard output, for exporters that write text.

    Returns:
        Where it is and how to look at it, in one line; None where the text itself was written to the stream.

    Raises:
        NetvetError: the client is missing, or the output cannot be used.
    """
    require(name)
    try:
        told: str | None = import_module(f"netvet.export.{name}").export(content, output, stream)
    except OSError as error:
        raise NetvetError(f"cannot export to {output or name}: {error.strerror or error}") from error
    return told
