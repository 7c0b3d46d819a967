"""The service as a process: uvicorn around the application."""

from __future__ import annotations

import socket
import sys
from typing import TYPE_CHECKING

from chiasm.errors import ConflictError
from chiasm.settings import Settings

if TYPE_CHECKING:
    import uvicorn

__all__ = ["bound_socket", "run_server", "serve_on"]

#: Event streams never end by themselves.
_GRACE_S = 5
_BACKLOG = 2048
#: Longer than the minute after which load balancers and pools of clients give an idle connection up themselves.
_IDLE_S = 75


def run_server(settings: Settings, *, host: str, port: int, processes: int = 1) -> None:
    """Answer until a signal ends the process.

    Args:
        settings: The home.
        host: Address to listen at.
        port: Its port; 0 takes a free one.
        processes: How many answer; with several, this one only looks after them.

    Raises:
        ConflictError: The address cannot be listened at.
    """
    from chiasm.api.processes import run_processes
    from chiasm.client.embedded import require_home

    require_home(settings)
    listener = bound_socket(host, port)
    shown = f"[{host}]" if ":" in host else host
    sys.stderr.write(f"listening on http://{shown}:{listener.getsockname()[1]}\n")
    sys.stderr.flush()
    if processes > 1:
        run_processes(settings, listener, host=host, processes=processes)
    else:
        serve_on(settings, listener, host=host)


def bound_socket(host: str, port: int) -> socket.socket:
    """A socket that listens at the address.

    Raises:
        ConflictError: It is taken, or not of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        # From now on callers wait for the first process that accepts, they are not refused.
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise ConflictError(
            f"cannot listen: {error.strerror}",
            where=f"{host}:{port}",
            remedy="choose another --host or --port",
        ) from error
    return listener


def serve_on(settings: Settings, listener: socket.socket, *, host: str, lifeline: int | None = None) -> None:
    """Answer on a socket until a signal, or until the other end of the lifeline is gone.

    Args:
        settings: The home.
        listener: Bound; may be shared with other processes.
        host: Its address.
        lifeline: Descriptor of a pipe whose other end is with the parent alone.
    """
    import uvicorn

    from chiasm.api.app import build_app
    from chiasm.search.threads import limit_process

    limit_process()
    config = uvicorn.Config(
        build_app(settings, host=host),
        log_level=settings.log_level.lower(),
        access_log=False,
        # httptools is faster, but takes a header of any length into memory.
        http="h11",
        server_header=False,
        timeout_graceful_shutdown=_GRACE_S,
        timeout_keep_alive=_IDLE_S,
        # Nobody stands between us and the client unless an operator says so; forwarded addresses are claims.
        proxy_headers=False,
    )
    server = uvicorn.Server(config)
    if lifeline is not None:
        _end_with_parent(server, lifeline)
    server.run(sockets=[listener])


def _end_with_parent(server: uvicorn.Server, lifeline: int) -> None:
    import os
    import threading

    def watch() -> None:
        # Nothing is ever written: reading ends when the parent does.
        os.read(lifeline, 1)
        server.should_exit = True

    threading.Thread(target=watch, name="lifeline", daemon=True).start()
