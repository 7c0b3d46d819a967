"""A client with several connections in a process of its own, light enough not to be what is measured.

    python -m benchmarks.serving.load PORT PATH BODIES CONNECTIONS SECONDS

Each connection sends the next body as soon as it has its answer. Prints `{"rps", "p50_ms", "p99_ms", "errors"}`.
"""

from __future__ import annotations

import json
import selectors
import socket
import sys
import time
from pathlib import Path
from typing import Any

__all__ = ["Connection", "load"]


class Connection:
    """One kept-alive connection that has at most one request under way."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._port = port
        self._received = b""

    def send(self, path: str, body: bytes) -> None:
        """Ask."""
        head = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self._received = b""
        self.socket.sendall(head.encode() + body)

    def receive(self) -> tuple[int, bytes] | None:
        """Status and body once the answer is whole."""
        chunk = self.socket.recv(1 << 18)
        if not chunk:
            raise ConnectionError("the server closed the connection")
        self._received += chunk
        head, found, body = self._received.partition(b"\r\n\r\n")
        if not found:
            return None
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        return (int(head[9:12]), body) if len(body) >= length else None

    def ask(self, path: str, body: bytes) -> tuple[int, bytes]:
        """Send and wait."""
        self.send(path, body)
        while (answer := self.receive()) is None:
            pass
        return answer

    def close(self) -> None:
        """Hang up."""
        self.socket.close()


def load(port: int, path: str, bodies: list[bytes], connections: int, seconds: float) -> dict[str, Any]:
    """Ask for some seconds; what came of it."""
    selector = selectors.DefaultSelector()
    began: dict[Connection, float] = {}
    taken: list[float] = []
    errors, asked = 0, 0
    for _ in range(connections):
        connection = Connection(port)
        selector.register(connection.socket, selectors.EVENT_READ, connection)
        began[connection] = 0.0
    start = time.perf_counter()
    for connection in began:
        connection.send(path, bodies[asked % len(bodies)])
        began[connection] = time.perf_counter()
        asked += 1
    while (now := time.perf_counter()) < start + seconds:
        for key, _ in selector.select(1.0):
            connection = key.data
            answer = connection.receive()
            if answer is None:
                continue
            now = time.perf_counter()
            taken.append(now - began[connection])
            errors += answer[0] != 200
            began[connection] = now
            connection.send(path, bodies[asked % len(bodies)])
            asked += 1
    for connection in began:
        connection.close()
    taken.sort()
    return {
        "rps": len(taken) / (now - start),
        "p50_ms": taken[len(taken) // 2] * 1000,
        "p99_ms": taken[int(len(taken) * 0.99)] * 1000,
        "errors": errors,
    }


def main() -> None:
    """Ask as the arguments say and print what came of it."""
    port, path, bodies, connections, seconds = sys.argv[1:]
    asked = [line.encode() for line in Path(bodies).read_text(encoding="utf-8").splitlines()]
    print(json.dumps(load(int(port), path, asked, int(connections), float(seconds))))


if __name__ == "__main__":
    main()
