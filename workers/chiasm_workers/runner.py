"""A runner: the process of one lane in which units are worked on."""

from __future__ import annotations

import gc
import logging
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType

from chiasm.catalog import Catalog
from chiasm.errors import ChiasmError
from chiasm.jobs import Claim, Heart, Tools, WorkContext, claim, owner_name, sweep
from chiasm.jobs.claims import idle_for
from chiasm.settings import Settings
from chiasm_workers.threads import ThreadShare, give_way
from chiasm_workers.tidying import Tidier
from chiasm_workers.work import work

__all__ = ["Runner", "run_runner"]

_log = logging.getLogger(__name__)
#: A wake-up may be lost: so often SQL is looked into without one.
_POLL_S = 2.0
#: New objects between two looks of the collector for cycles, of which batches of rows make none (Python's default,
#: 700, took 4 % of the time of reading a graph).
_COLLECT_EVERY = 50_000


class Runner:
    """Claims units of its lane and works on them until it is told to stop.

    The ingest lane reads with one hand and embeds and fuses with the other: reading is the database's and one core's
    work, encoding torch's.

    Args:
        settings: The home.
        lane: Queue to claim from.
        line: Socket to the worker: pokes come in, end of file means that it is gone.
    """

    def __init__(self, settings: Settings, lane: str, line: int) -> None:
        self._line = line
        self._stop = threading.Event()
        catalog = Catalog.open(settings)
        tools = Tools(settings, catalog)
        threads = ThreadShare(catalog, lane)
        # Segments come from the ingest lane, so that one knows when it is quiet.
        tidier = Tidier(settings, catalog) if lane == "ingest" else None
        self._main = Hand(tools, lane, self._stop, beat=threads.adjust)
        self._reading: Hand | None = None
        #: What ended the reading hand, if not the end of the runner.
        self._broken: BaseException | None = None
        if tidier is not None:
            # At each batch there is something to embed.
            self._reading = Hand(tools, lane, self._stop, in_order=True, beat=lambda: self._main.poke())
            self._main = Hand(
                tools,
                lane,
                self._stop,
                in_order=False,
                beat=threads.adjust,
                idle=lambda: 0 if self._reading and self._reading.busy else tidier.idle(),
            )

    def run(self) -> None:
        """Work until told to stop."""
        threading.Thread(target=self._listen, name="line", daemon=True).start()
        # Everything is imported: whoever waited for the cores may have them.
        os.write(self._line, b"r")
        reading = None
        if self._reading is not None:
            reading = threading.Thread(target=self._read, args=(self._reading,), name="reading", daemon=True)
            reading.start()
        self._main.run()
        if reading is not None:
            reading.join()
        if self._broken is not None:
            raise self._broken

    def _read(self, hand: Hand) -> None:
        try:
            hand.run()
        except BaseException as error:  # noqa: BLE001 - raised again by the main thread
            # A runner with one hand would embed for ever and read nothing: it ends, and another one is started.
            self._broken = error
            self.stop()

    def stop(self) -> None:
        """End after the units at hand; a handler that asks `ctx.stop()` ends sooner."""
        self._stop.set()
        self._poke()

    def _poke(self) -> None:
        for hand in (self._main, self._reading):
            if hand is not None:
                hand.poke()

    def _listen(self) -> None:
        while True:
            select.select([self._line], [], [])
            message = os.read(self._line, 64)
            if not message or b"s" in message:
                self.stop()
                return
            self._poke()


class Hand:
    """One thread of a runner, with one unit at a time.

    Args:
        tools: Shared by all hands.
        lane: Queue to claim from.
        stop: Set when the runner shall end.
        in_order: As for `claim`.
        beat: Called before each unit and at each beat of its handler.
        idle: What to do when there is no unit; how much was done.
    """

    def __init__(
        self,
        tools: Tools,
        lane: str,
        stop: threading.Event,
        *,
        in_order: bool | None = None,
        beat: Callable[[], None] = lambda: None,
        idle: Callable[[], int] = int,
    ) -> None:
        self._tools = tools
        self._lane = lane
        self._stop = stop
        self._in_order = in_order
        self._beat = beat
        self._idle = idle
        self._name = owner_name()
        self._poked = threading.Event()
        #: Whether a unit is being worked on.
        self.busy = False

    def run(self) -> None:
        """Work until told to stop."""
        while not self._stop.is_set():
            if not self._turn():
                self._pause()

    def poke(self) -> None:
        """Look for work now."""
        self._poked.set()

    def _turn(self) -> bool:
        """Work on one unit; False if there was none."""
        # Cleared before looking: a poke that comes while we look makes us look again.
        self._poked.clear()
        try:
            claims = self._claim()
            if not claims and sweep(self._tools.catalog):
                claims = self._claim()
            for one in claims:
                self._work(one)
        except ChiasmError as error:
            # The database is away; so is the lease by the time it is back, if that takes long.
            _log.error("the catalog cannot be used: %s", error)
            self._stop.wait(_POLL_S)
            return False
        return bool(claims) or self._tidy()

    def _tidy(self) -> bool:
        try:
            return self._idle() > 0
        except ChiasmError as error:
            _log.warning("segments were not merged: %s", error)
            return False

    def _claim(self) -> list[Claim]:
        catalog, lease_s = self._tools.catalog, self._tools.settings.lease_s
        return claim(catalog, [self._lane], self._name, lease_s=lease_s, in_order=self._in_order)

    def _work(self, one: Claim) -> None:
        begin = time.monotonic()
        self.busy = True
        with Heart(self._tools.catalog, one, self._stop.is_set) as heart:
            context = WorkContext(self._tools, one, heart, self._beat)
            self._beat()
            outcome = work(context)
        self.busy = False
        if self._lane == "train":
            _give_back()
        details = {"unit": one.unit_id, "kind": one.kind, "outcome": outcome}
        _log.info(
            "unit %s (%s) %s in %.2f s",
            one.unit_id,
            one.kind,
            outcome,
            time.monotonic() - begin,
            extra=details,
        )

    def _pause(self) -> None:
        try:
            # A unit that waits out a pause after an error is not announced by anybody.
            soon = idle_for(self._tools.catalog, [self._lane])
        except ChiasmError:
            soon = None
        self._poked.wait(min(_POLL_S, _POLL_S if soon is None else max(soon, 0.02)))


def _give_back() -> None:
    # Not after each batch that is embedded: what is given back is asked for again.
    device = sys.modules.get("chiasm_encoders.device")
    if device is not None:
        device.free_gpu_memory()


def run_runner(settings: Settings, lane: str) -> None:
    """Be the runner of a lane; standard input is the line to the worker."""
    give_way(settings.worker_nice)
    runner = Runner(settings, lane, _take_line())

    def stop(number: int, frame: FrameType | None) -> None:
        runner.stop()

    # What is imported stays: it needs no looking through.
    gc.freeze()
    gc.set_threshold(_COLLECT_EVERY)
    signal.signal(signal.SIGTERM, stop)
    # The worker decides: a Ctrl-C in the terminal reaches it, and it tells us.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    runner.run()


def _take_line() -> int:
    """Standard input under another number, so that no child of ours holds the line open after our end."""
    line = os.dup(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return line
