"""The floor: a bare FastAPI route that checks a small body and returns a JSON that is there already.

    python -m benchmarks.serving.floor ANSWER_FILE PROCESSES

Served like ours: uvicorn, as many processes on one socket, no access log. The route is written as fast as the
framework allows: asynchronous, without dependencies, orjson straight into a response.
"""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from pathlib import Path

import orjson
import uvicorn
from fastapi import FastAPI, Response
from pydantic import BaseModel


class Body(BaseModel):
    """What the clients of the benchmark send."""

    entity: str
    k: int = 10


def build(answer: object) -> FastAPI:
    """The application."""
    app = FastAPI()

    @app.post("/v1/search")
    async def search(body: Body) -> Response:
        return Response(orjson.dumps(answer), media_type="application/json")

    return app


def main() -> None:
    """Serve until a signal."""
    answer, number = Path(sys.argv[1]), int(sys.argv[2])
    if len(sys.argv) > 3:
        config = uvicorn.Config(
            build(orjson.loads(answer.read_bytes())),
            access_log=False,
            log_level="warning",
            server_header=False,
            proxy_headers=False,
        )
        uvicorn.Server(config).run(sockets=[socket.socket(fileno=int(sys.argv[3]))])
        return
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    print(f"listening on http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    command = [sys.executable, "-m", "benchmarks.serving.floor", str(answer), "1", str(listener.fileno())]
    children = [subprocess.Popen(command, pass_fds=[listener.fileno()]) for _ in range(number)]
    signal.signal(signal.SIGTERM, lambda *_: [child.terminate() for child in children])
    for child in children:
        child.wait()


if __name__ == "__main__":
    main()
