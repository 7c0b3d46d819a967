"""Children that do not outlive their parent."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time

__all__ = ["die_with_parent", "watch_parent"]

_PR_SET_PDEATHSIG = 1
_WATCH_S = 1.0


def die_with_parent(sign: int = signal.SIGKILL) -> None:
    """Have the kernel send this process a signal when the thread that started it ends (Linux)."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, int(sign), 0, 0, 0)


def watch_parent(parent: int, sign: int = signal.SIGKILL) -> None:
    """Die with the parent also where the kernel does not see to it, or where it is gone already."""
    if os.getppid() != parent:
        os.kill(os.getpid(), sign)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_WATCH_S)
        os.kill(os.getpid(), sign)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()
