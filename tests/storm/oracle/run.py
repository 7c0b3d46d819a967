"""Duels: a home for one, and many operations of it."""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from unittest import mock

from tests.storm.oracle.duel import Duel
from tests.storm.oracle.world import MortalCatalog, World

from chiasm.ingest import clear, submit
from chiasm.jobs import sweeping
from chiasm.releases.forget import submit as forget_submit
from chiasm.search import state_cache
from chiasm.settings import load_settings
from chiasm_migrations.upgrade import upgrade_schema

__all__ = ["duel_of", "duel_on", "long_duel"]

_TOLD_EVERY_S = 10.0


@contextmanager
def duel_on(folder: Path, keys: int = 12) -> Iterator[Duel]:
    """A duel on an empty home, whose only worker is this process."""
    settings = load_settings(folder / "home", text_encoder="hash:text/32", image_encoder="hash:image/32")
    catalog = MortalCatalog(settings.catalog_url)
    upgrade_schema(catalog.engine)
    with ExitStack() as stack:
        for module, name in (
            (submit, "notify"),
            (submit, "ensure_worker"),
            (clear, "wake"),
            (forget_submit, "wake"),
        ):
            stack.enter_context(mock.patch.object(module, name, lambda *arguments: True))
        stack.enter_context(mock.patch("os.fsync", lambda handle: None))
        # A catalogue that is slow to load is followed now and then only; here every answer is compared.
        stack.enter_context(mock.patch.object(state_cache, "_QUICK_S", float("inf")))
        # Nobody else is there who could use the time.
        stack.enter_context(mock.patch.object(sweeping, "_PAUSE_S", 0.0))
        world = World(settings, catalog)
        stack.callback(lambda: world.close())
        yield Duel(world, keys)


def duel_of(duel: Duel, seed: int, operations: int) -> Iterator[int]:
    """Do so many operations; yields how many are done."""
    draw = random.Random(seed)
    while duel.operations < operations:
        duel.step(draw)
        yield duel.operations
    duel.check(draw)


def long_duel(seed: int, operations: int, keys: int = 60) -> bool:
    """Whether home and model agree after many operations; told as it goes."""
    _tell(f"oracle: seed {seed}")
    began = told = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="chiasm-oracle-") as scratch,
        duel_on(Path(scratch), keys) as duel,
    ):
        try:
            for done in duel_of(duel, seed, operations):
                if time.monotonic() - told > _TOLD_EVERY_S:
                    told = time.monotonic()
                    _tell(f"oracle: {done} operations, {done / (told - began):.0f} a second")
        except Exception as error:  # noqa: BLE001 - told with the seed, which repeats it
            _tell(
                "\n".join([*duel.story, f"oracle: seed {seed}, after {duel.operations} operations: {error}"])
            )
            return False
        _tell(f"oracle: {duel.operations} operations agree: {dict(duel.done)}")
    return True


def _tell(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
