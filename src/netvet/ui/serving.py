"""What all pages of this machine share: a secret path, its own names as host, small bodies, no foreign origin."""

from __future__ import annotations

import json
import secrets
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from netvet.core import NetvetError

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp

HOST = "127.0.0.1"
# Nothing from elsewhere, nothing inline, in no frame: what is shown is foreign text.
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "media-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
# A question or an answer is a few words.
MAX_BODY = 4_000

Handler = Callable[["Request"], Awaitable["Response"]]


def application(
    reading: Mapping[str, Handler], writing: Mapping[str, Handler], token: str, hosts: Sequence[str] = ()
) -> Starlette:
    """The routes below `/TOKEN/`.

    Args:
        reading: handlers of GET by path; `writing`: those of POST.
        token: whoever does not know it gets "not found".
        hosts: further names by which browsers may know this machine (behind a proxy); any other is refused, so that a
            site elsewhere cannot have its name point here.
    """
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.middleware.trustedhost import TrustedHostMiddleware
    from starlette.routing import Route

    names = [HOST, "localhost", *hosts]
    routes = [Route(f"/{{token}}/{path}", guarded(h, token)) for path, h in reading.items()]
    routes += [Route(f"/{{token}}/{path}", guarded(h, token), methods=["POST"]) for path, h in writing.items()]
    return Starlette(routes=routes, middleware=[Middleware(TrustedHostMiddleware, names)])


def guarded(handler: Handler, token: str) -> Handler:
    """Only for who knows the token, and for pages of this origin; an error of ours is told as JSON."""
    from starlette.responses import JSONResponse, PlainTextResponse

    async def safe(request: Request) -> Response:
        if not secrets.compare_digest(request.path_params["token"].encode(), token.encode()):
            return PlainTextResponse("not found", 404, HEADERS)
        try:
            _require_own_origin(request)
            response = await handler(request)
        except NetvetError as error:
            response = JSONResponse({"error": str(error)}, 400)
        response.headers.update(HEADERS)
        return response

    return safe


def _require_own_origin(request: Request) -> None:
    # Browsers say where a request comes from; what says nothing is no browser, and knows the token.
    origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site", "same-origin")
    host = request.headers.get("host", "")
    if (origin is not None and origin.partition("://")[2] != host) or site not in ("same-origin", "none"):
        raise NetvetError("asked from another site")


async def body_of(request: Request) -> Any:
    """The body: only a page of the same origin can send it as JSON."""
    if request.headers.get("content-type", "").partition(";")[0] != "application/json":
        raise NetvetError("expected application/json")
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MAX_BODY:
            raise NetvetError("more than is expected of an answer")
    try:
        return json.loads(body or b"{}")
    except ValueError as error:
        raise NetvetError("expected JSON") from error


def bound(port: int, host: str = HOST) -> socket.socket:
    """A socket that listens, of this machine alone unless another host is given.

    Args:
        port: 0 for any that is free.

    Raises:
        NetvetError: the port is taken.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        found = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise NetvetError(f"--host {host}: no address of this machine ({error.strerror})") from error
    try:
        found.bind(address)
        found.listen()  # whoever is told the address may come before the server is ready
    except OSError as error:
        found.close()
        raise NetvetError(f"port {port} cannot be used ({error.strerror}); give another --port, or none") from error
    return found


def serve(made: ASGIApp, listening: socket.socket) -> None:
    """Serve until Ctrl-C.

    Raises:
        NetvetError: the extra is not installed.
    """
    uvicorn = require_uvicorn()
    # No access log: it would print the token with every answer.
    config = uvicorn.Config(
        made, log_level="critical", access_log=False, lifespan="off", ws="none", timeout_graceful_shutdown=2,
        server_header=False,
    )  # fmt: skip
    try:
        uvicorn.Server(config).run(sockets=[listening])
    except KeyboardInterrupt:
        pass
    finally:
        listening.close()


def require_uvicorn() -> Any:
    """The server.

    Raises:
        NetvetError: the extra is not installed.
    """
    try:
        import starlette  # noqa: F401
        import uvicorn
    except ImportError as error:
        raise NetvetError("a page needs Starlette and Uvicorn: pip install 'netvet[ui]'") from error
    return uvicorn
