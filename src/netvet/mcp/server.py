"""The server: tools, resources, and what a client is told about them."""

from __future__ import annotations

import os
from pathlib import Path

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ResourceNotFoundError
from mcp.types import ToolAnnotations

import netvet
from netvet.checks import all_checks
from netvet.config import load, require_check
from netvet.core import NetvetError
from netvet.mcp.places import Root
from netvet.mcp.tools import Tools
from netvet.report import pages, schemas
from netvet.report.as_json import as_json
from netvet.report.view import View
from netvet.reporter import Reporter
from netvet.store import Run
from netvet.store.find import run_folder

INSTRUCTIONS = """\
netvet finds out why a neural network does not learn. Begin with `run` on the training script (or `diagnose` for a run
that is stored): it names the cause, with numbers, file and line. `recipe` makes experiments where the cause is open,
`fix` proves which change helps before anything is written, `data` looks at the data. Where netvet says "undetermined"
or "not assessed", the cause is not known: do not guess one."""
READS = ToolAnnotations(read_only_hint=True, open_world_hint=False)
# Programs of the user's run, and may do anything that they do.
RUNS = ToolAnnotations(read_only_hint=False, destructive_hint=True, open_world_hint=True)
KEEPS = ToolAnnotations(read_only_hint=False, destructive_hint=False, open_world_hint=False)


def build(root: Path) -> MCPServer:
    """A server for a folder, which becomes the working directory."""
    place = Root.of(root)
    os.chdir(place.path)
    tools = Tools(place)
    server = MCPServer(
        "netvet", version=netvet.__version__, instructions=INSTRUCTIONS, log_level="WARNING",
        description="Finds out why a neural network does not learn.",
    )  # fmt: skip
    for one in (tools.run, tools.recipe, tools.fix, tools.data):
        server.add_tool(one, annotations=RUNS)
    server.add_tool(tools.diagnose, annotations=KEEPS)
    for other in (tools.explain, tools.list_checks, tools.list_runs):
        server.add_tool(other, annotations=READS)
    _resources(server, tools)
    return server


def _resources(server: MCPServer, tools: Tools) -> None:
    def check_page(name: str) -> str:
        """The page of a check."""
        try:
            return pages.page(require_check(name, all_checks(), "list_checks"))
        except NetvetError as error:
            raise ResourceNotFoundError(str(error)) from error

    def run_report(name: str) -> str:
        """The report of a stored run (schema netvet.report/1)."""
        return as_json(_view(tools, name))

    def run_verdict(name: str) -> str:
        """The report of a stored run in plain words."""
        from netvet.report.text import plain_text

        return plain_text(_view(tools, name))

    def schema(name: str) -> str:
        """The JSON schema of a document of netvet."""
        try:
            return schemas.text_of(name)
        except NetvetError as error:
            raise ResourceNotFoundError(str(error)) from error

    server.resource("netvet://checks/{name}", mime_type="text/markdown")(check_page)
    server.resource("netvet://runs/{name}/report", mime_type="application/json")(run_report)
    server.resource("netvet://runs/{name}/verdict", mime_type="text/plain")(run_verdict)
    server.resource("netvet://schema/{name}", mime_type="application/schema+json")(schema)


def _view(tools: Tools, name: str) -> View:
    try:
        checks = all_checks()
        run = Run.open(run_folder(tools.store, name))
        return Reporter(checks, load(tools.root.path, checks).settings, Path()).view(run)
    except NetvetError as error:
        raise ResourceNotFoundError(str(error)) from error
