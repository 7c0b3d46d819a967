"""Servers as processes: ours, and the floor; started, waited for, ended."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType

__all__ = ["Server", "processes_below"]

_START_S = 300.0


class Server:
    """A command that says `listening on http://HOST:PORT`; it is ended with the block.

    Args:
        module: Python module to run.
        arguments: Its arguments.
        environment: Besides the caller's.
        ready: Path that answers 200 once it can do its work.
    """

    def __init__(
        self, module: str, *arguments: str, environment: dict[str, str] | None = None, ready: str = "/readyz"
    ) -> None:
        self._log = Path(tempfile.mkstemp(prefix="chiasm-server-", suffix=".log")[1])
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                env={**os.environ, **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        try:
            self.port = self._wait(ready)
        except BaseException:
            self.close()
            raise

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        """What it said."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def close(self) -> int:
        """End it; its exit status."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()
        finally:
            self._log.unlink()

    def __enter__(self) -> Server:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _wait(self, ready: str) -> int:
        deadline = time.monotonic() + _START_S
        while time.monotonic() < deadline and self.process.poll() is None:
            found = re.search(r"listening on http://\S+:(\d+)", self.log)
            if found and _answers(f"http://127.0.0.1:{found.group(1)}{ready}"):
                return int(found.group(1))
            time.sleep(0.1)
        raise RuntimeError(f"the server did not start: {self.log}")


def processes_below(pid: int) -> list[int]:
    """The children of a process."""
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False
