"""The service as a process: uvicorn around the application."""

from __future__ import annotations

import sys

from chiasm.errors import ConflictError
from chiasm.settings import Settings

__all__ = ["run_server"]

#: Event streams never end by themselves.
_GRACE_S = 5


def run_server(settings: Settings, *, host: str, port: int) -> None:
    """Answer until a signal ends the process.

    Raises:
        ConflictError: The address cannot be listened at.
    """
    import socket

    import uvicorn

    from chiasm.api.app import build_app
    from chiasm.client.embedded import require_home

    require_home(settings)
    application = build_app(settings, host=host)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise ConflictError(
            f"cannot listen: {error.strerror}",
            where=f"{host}:{port}",
            remedy="choose another --host or --port",
        ) from error
    shown = f"[{host}]" if ":" in host else host
    sys.stderr.write(f"listening on http://{shown}:{listener.getsockname()[1]}\n")
    config = uvicorn.Config(
        application,
        log_level=settings.log_level.lower(),
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_GRACE_S,
        # Nobody stands between us and the client unless an operator says so; forwarded addresses are claims.
        proxy_headers=False,
    )
    uvicorn.Server(config).run(sockets=[listener])
