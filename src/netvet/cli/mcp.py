"""`netvet mcp`: the server for assistants."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.option(
    "--root", type=click.Path(path_type=Path), default=Path(), metavar="DIR",
    help="Programs, data and runs have to lie below this folder (default: the current one).",
)  # fmt: skip
def mcp(root: Path) -> int:
    """Serve netvet to an assistant by the Model Context Protocol, over standard input and output."""
    from netvet.mcp import serve

    serve(root)
    return 0
