"""`netvet schema`: what the JSON of a command holds, as a JSON schema."""

from __future__ import annotations

import click


@click.command()
@click.argument("name", required=False)
def schema(name: str | None) -> int:
    """Print the JSON schema of what a command writes, or list all schemas."""
    from netvet.report import schemas

    if name is None:
        for one, meaning in schemas.NAMES.items():
            click.echo(f"{one:9} netvet.{one}/1: {meaning}")
    else:
        click.echo(schemas.text_of(name), nl=False)
    return 0
