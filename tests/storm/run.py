"""A storm from beginning to end."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.storm.client import Client
from tests.storm.fleet import Fleet
from tests.storm.verdict import differences

import chiasm
from chiasm.catalog import Catalog
from chiasm.catalog.keys import create_key
from chiasm.settings import load_settings

__all__ = ["Outcome", "storm"]

_SETTINGS = {"text_encoder": "hash:text/32", "image_encoder": "hash:image/32", "lease_s": "3"}
_SETTLE_S = 120.0


@dataclass
class Outcome:
    """What happened."""

    seed: int
    kills: Counter[str] = field(default_factory=Counter)
    operations: Counter[str] = field(default_factory=Counter)
    entities: int = 0
    differences: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        told = [
            f"seed {self.seed}: {self.entities} entities, {dict(self.operations)}, killed {dict(self.kills)}"
        ]
        return "\n".join([*told, *self.differences[:20]])


def storm(
    folder: Path,
    *,
    seconds: float,
    seed: int,
    clients: int = 3,
    settings: Mapping[str, str] | None = None,
    tell: Callable[[Outcome], None] = lambda outcome: None,
    every_s: float = 60.0,
) -> Outcome:
    """Let clients work for some seconds while processes are killed every one to five, then compare.

    Args:
        folder: Of the home; empty.
        seconds: How long.
        seed: Of clients and kills.
        clients: Writers at once.
        settings: More lines of `chiasm.toml`: a database and a broker of its own.
        tell: Called now and then with what happened so far.
        every_s: How often.
    """
    home = folder / "home"
    home.mkdir(parents=True)
    lines = [f'{name} = "{value}"' for name, value in {**_SETTINGS, **(settings or {})}.items()]
    (home / "chiasm.toml").write_text("\n".join(lines))
    loaded = load_settings(home)
    with chiasm.open(home):
        pass
    catalog = Catalog.open(loaded)
    with catalog.write() as session:
        key = create_key(session, catalog.workspace_id(loaded.workspace), "storm", "admin")
    draw = random.Random(seed)
    fleet = Fleet(home)
    writers = [Client(fleet.url, key, f"c{n}", draw.getrandbits(32)) for n in range(clients)]
    outcome = Outcome(seed)
    fleet.start()
    try:
        for writer in writers:
            writer.start()
        told = time.monotonic()
        until = told + seconds
        while time.monotonic() < until:
            time.sleep(draw.uniform(1.0, 5.0))
            fleet.kill_one(draw)
            if time.monotonic() >= told + every_s:
                told = time.monotonic()
                _count(outcome, fleet, writers)
                tell(outcome)
        for writer in writers:
            writer.stop()
        for writer in writers:
            if not writer.join(_SETTLE_S):
                outcome.differences.append(f"client {writer.name} did not come to an end")
    finally:
        fleet.stop()
    _count(outcome, fleet, writers)
    facts = {key: fact for writer in writers for key, fact in writer.facts.items()}
    gone = {key: text for writer in writers for key, text in writer.gone.items()}
    for writer in writers:
        outcome.differences += writer.broken
    with chiasm.open(home) as kb:
        outcome.differences += differences(kb, catalog, loaded, facts, gone)
    catalog.engine.dispose()
    return outcome


def _count(outcome: Outcome, fleet: Fleet, writers: Sequence[Client]) -> None:
    outcome.kills = Counter(fleet.kills)
    outcome.operations = sum((Counter(writer.done) for writer in writers), Counter[str]())
    # The clients may be writing: a copy holds still.
    outcome.entities = sum(fact is not None for writer in writers for fact in list(writer.facts.values()))
