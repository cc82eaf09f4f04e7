"""A server of pages in a thread, and what is asked of it."""

import json
import threading
from http.client import HTTPConnection

import uvicorn

from netvet.store import RunWriter
from netvet.ui import serving

TOKEN = "secret"


def stored(folder, name="a-run", *, steps=20, ended="ok", **facts):
    """A run with a loss in a folder of runs; its path."""
    writer = RunWriter.create(folder, name)
    for step in range(steps):
        writer.append(step, "loss", 20.0 - step, "train.py:3")
    about = {"script": "train.py", "started": "2026-01-01T00:00:00+00:00", "ended": ended, "steps": steps}
    writer.put_facts("run", [about])
    for signal, records in facts.items():
        writer.put_facts(signal, records)
    writer.close()
    return writer.path


class Server:
    """Serves an application on a free port of this machine."""

    def __init__(self, application):
        self.socket = serving.bound(0)
        self.port = self.socket.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}/{TOKEN}/"
        config = uvicorn.Config(application, log_level="error", lifespan="off", ws="none", timeout_graceful_shutdown=1)
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self.socket]})
        self.thread.start()

    def close(self):
        self.server.should_exit = True
        self.thread.join()
        self.socket.close()

    def open(self, path, body=None, *, token=TOKEN, method=None, **headers):
        """A response whose body is still to be read."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"} | {k.replace("_", "-"): v for k, v in headers.items()}
        connection.request(method or ("GET" if data is None else "POST"), f"/{token}/{path}", data, headers)
        return connection, connection.getresponse()

    def call(self, path, body=None, **more):
        """Status, headers and body."""
        connection, response = self.open(path, body, **more)
        content = response.read()
        connection.close()
        return response.status, dict(response.getheaders()), content

    def told(self, path, body=None):
        """The JSON of the answer."""
        return json.loads(self.call(path, body)[2])

    def events(self, path):
        """The events of a stream, one by one, until it ends."""
        connection, response = self.open(path)
        try:
            for line in response:
                if line.startswith(b"data: "):
                    yield json.loads(line[6:])
        finally:
            response.close()
            connection.close()
