"""netvet for assistants: a server that speaks the Model Context Protocol over standard input and output."""

from __future__ import annotations

from pathlib import Path

from netvet.core import NetvetError


def serve(root: Path) -> None:
    """Answer until the client leaves.

    Args:
        root: the folder below which programs, data and runs may lie; becomes the working directory.

    Raises:
        NetvetError: the SDK is not installed, or the folder is none.
    """
    if not root.is_dir():
        raise NetvetError(f"--root {root}: no such folder; give the one with the training programs")
    try:
        import mcp.server.mcpserver  # noqa: F401  # whether it is there, and new enough
    except ImportError as error:
        raise NetvetError("the server for assistants needs the MCP SDK: pip install 'netvet[mcp]'") from error
    from netvet.mcp.server import build

    build(root).run("stdio")
