"""What a handler works with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from chiasm.catalog import Catalog
from chiasm.jobs.claims import Claim
from chiasm.jobs.pulsing import Heart
from chiasm.settings import Settings

if TYPE_CHECKING:
    from chiasm.media import BlobStore, Decoder
    from chiasm.models import ModelCache

__all__ = ["Tools", "WorkContext"]


class Tools:
    """What a runner process keeps warm from unit to unit; each part is made when first used."""

    def __init__(self, settings: Settings, catalog: Catalog) -> None:
        self.settings = settings
        self.catalog = catalog

    @cached_property
    def blobs(self) -> BlobStore:
        """The home's blob store."""
        from chiasm.media import BlobStore

        return BlobStore(self.settings.blobs_url)

    @cached_property
    def models(self) -> ModelCache:
        """Loaded encoders and fusion models."""
        from chiasm.models import ModelCache

        return ModelCache(self.settings)

    @cached_property
    def decoder(self) -> Decoder:
        """The warm, limited child that decodes media."""
        from chiasm.media import Decoder

        return Decoder()


@dataclass
class WorkContext:
    """One unit being worked on: `handler(ctx, claim)`.

    Lets handlers commit their effect together with `jobs.finish(session, claim, result)`.
    """

    tools: Tools
    claim: Claim
    heart: Heart
    #: Called at each beat, in the handler's thread (the runner adjusts its share of the cores there).
    on_beat: Callable[[], None] | None = None

    @property
    def settings(self) -> Settings:
        """Settings of the home."""
        return self.tools.settings

    @property
    def catalog(self) -> Catalog:
        """The catalog."""
        return self.tools.catalog

    @property
    def blobs(self) -> BlobStore:
        """The home's blob store."""
        return self.tools.blobs

    @property
    def models(self) -> ModelCache:
        """Loaded encoders and fusion models."""
        return self.tools.models

    @property
    def decoder(self) -> Decoder:
        """The warm, limited child that decodes media."""
        return self.tools.decoder

    def beat(self, done: int | None = None, total: int | None = None, stage: str | None = None) -> None:
        """Note progress; cheap, the heartbeat thread writes it at its next beat.

        Raises:
            StaleClaim: The lease was lost.
            Cancelled: The job was cancelled.
            Interrupted: The worker is being stopped.
        """
        self.heart.note(done, total, stage)
        self.heart.check()
        if self.on_beat is not None:
            self.on_beat()

    def stop(self) -> bool:
        """Whether a long computation should save its state and end; `beat` then says why."""
        return self.heart.must_stop
