"""`netvet export`: a stored run for the services that a team looks at."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from netvet.cli.options import asked_of, list_option, names_of

# The names of `netvet.export.EXPORTERS`, which a test compares: `--help` imports nothing.
SERVICES = ("tensorboard", "wandb", "mlflow", "aim", "prometheus", "otel", "csv", "jsonl", "parquet")
LEAST_POINTS = 5


def points(_context: click.Context, _parameter: click.Parameter, text: str | None) -> int | str | None:
    """A number of values, or `all`."""
    if text is None or text == "all":
        return text
    if not text.isascii() or not text.isdigit() or int(text) < LEAST_POINTS:
        raise click.BadParameter(f"expected a number of values from {LEAST_POINTS} on, or all; got {text!r}")
    return int(text)


@click.command()
@click.option("--to", "service", type=click.Choice(SERVICES), required=True, help="Where to.")
@click.option("-o", "--output", metavar="PATH", help="File, folder or address (each service has its own default).")
@list_option("--only", "SIGNALS", "Only these series (comma between names); findings go along.")
@click.option("--points", callback=points, metavar="N", help="Values of a series, at most, or `all`.")
@click.option("--store", type=click.Path(path_type=Path), metavar="DIR", help="Folder of the runs.")
@click.argument("run", required=False)
def export(
    run: str | None,
    service: str,
    output: str | None,
    only: tuple[str, ...],
    points: int | str | None,
    store: Path | None,
) -> int:
    """Hand the series, findings and diagnosis of a stored run to another service.

    RUN is a path or the beginning of a name; without it the newest one is taken.
    """
    from netvet.cli.page import page_text
    from netvet.export import require
    from netvet.export.sending import Target, send
    from netvet.store.find import find_run

    require(service)
    none = {"only": (), "skip": (), "allow": (), "set": (), "fail_on": None, "verbose": False}
    asked = asked_of({**none, "store": store})
    source = find_run(run, asked.store)
    view = asked.reporter.view(source)

    def page() -> str:
        return page_text(asked.reporter, source, view)

    target = Target(service, output, Path.cwd())
    for line in send(source, view, page, target, sys.stdout, only=names_of(only), points=points):
        click.echo(f"netvet: {line}", err=True)
    return 0
