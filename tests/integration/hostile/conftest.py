"""A home that is fed what nobody means well with, a trap on loopback, and what lies around both."""

from __future__ import annotations

import hashlib
import http.server
import re
import resource
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import update
from tests.integration.ingest.conftest import HashEncoder, Home

from chiasm.catalog.models import Entity, WorkUnit
from chiasm.errors import ChiasmError
from chiasm.ingest import submit
from chiasm.settings import load_settings
from chiasm_encoders import register_encoder

#: Seconds that one input may take, and megabytes that all of them together may (this process, its children).
_SECONDS, _MEGABYTES = 20.0, 2500


class Trap(http.server.ThreadingHTTPServer):
    """Counts who comes."""

    daemon_threads = True
    visits = 0

    def verify_request(self, request: object, client_address: object) -> bool:
        self.visits += 1
        return False


@pytest.fixture(scope="package")
def trap() -> Iterator[Trap]:
    with Trap(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as found:
        thread = threading.Thread(target=found.serve_forever)
        thread.start()
        yield found
        found.shutdown()
        thread.join()


class Yard:
    """A home, the folder of what comes in, and a secret beside both."""

    def __init__(self, root: Path, home: Home, trap: Trap) -> None:
        self.root, self.home, self.trap = root, home, trap
        self.made = 0

    def folder(self, name: str) -> Path:
        self.made += 1
        made = self.root / "in" / f"{self.made} {re.sub(r'[^a-z0-9]+', '-', name)}"
        made.mkdir(parents=True)
        return made

    def fed(self, path: Path) -> list[ChiasmError]:
        """What was refused of a source, whole or in parts."""
        try:
            _, job_id = self.home.ingest(path)
        except ChiasmError as error:
            return [error]
        except BaseException:
            # The next one is not to wait for what is left of this one.
            with self.home.catalog.write() as session:
                session.execute(update(WorkUnit).values(state="cancelled"))
            raise
        return [
            ChiasmError(one.error["what"], where=one.error["where"] or one.where, remedy=one.error["remedy"])
            for one in self.home.failures(job_id)
        ]

    def has(self, key: str) -> bool:
        with self.home.catalog.read() as session:
            return session.query(Entity).filter(Entity.key == key, Entity.is_stub.is_(False)).count() == 1

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Nothing outside the home changes, nobody visits the trap, and it does not take for ever."""
        before, began = self._around(), time.monotonic()
        # The peak is that of this input alone.
        Path("/proc/self/clear_refs").write_text("5")
        yield
        assert time.monotonic() - began < _SECONDS
        assert self._around() == before and self.trap.visits == 0
        peak = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
        assert peak is not None and int(peak[1]) < _MEGABYTES * 1024
        assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss < _MEGABYTES * 1024

    def _around(self) -> dict[str, str]:
        found = {}
        for path in self.root.rglob("*"):
            if (
                path.is_file()
                and not path.is_relative_to(self.home.settings.home)
                and path.stat().st_size < 10**6
            ):
                found[str(path)] = hashlib.sha256(path.read_bytes()).hexdigest()
            elif not path.is_relative_to(self.home.settings.home):
                found[str(path)] = "there"
        return found


@pytest.fixture(scope="package")
def yard(tmp_path_factory: pytest.TempPathFactory, trap: Trap) -> Iterator[Yard]:
    with pytest.MonkeyPatch.context() as patch:
        register_encoder("test-hash", lambda name, device: HashEncoder(name, []))
        for name in ("notify", "ensure_worker"):
            patch.setattr(submit, name, lambda *arguments: True)
        root = tmp_path_factory.mktemp("yard")
        encoders = {f"{modality}_encoder": f"test-hash:{modality}" for modality in ("text", "image", "audio")}
        home = Home(load_settings(root / "home", allow_urls=True, **encoders), [])
        (root / "secret.png").write_bytes(b"secret")
        yield Yard(root, home, trap)
        if "decoder" in home.tools.__dict__:
            home.tools.decoder.close()
        home.catalog.close()


def told(errors: list[ChiasmError], says: str) -> None:
    """Whether somebody who reads the messages knows what, where, and what to do."""
    found = [error for error in errors if re.search(says, error.what)]
    assert found, [str(error) for error in errors]
    for error in errors:
        assert error.where and error.remedy, error.to_dict()
        assert len(error.what) < 2000
