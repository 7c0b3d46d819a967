"""A home on disk: made, found, opened; its parts are built when first used."""

from __future__ import annotations

import threading
from functools import cached_property
from typing import TYPE_CHECKING

from chiasm.catalog import Catalog
from chiasm.errors import ConflictError, NotFoundError
from chiasm.settings import CONFIG_NAME, Settings

if TYPE_CHECKING:
    from chiasm.media import BlobStore, Decoder
    from chiasm.models import ModelCache
    from chiasm.reasoning import Reasoning
    from chiasm.releases.traffic import Traffic
    from chiasm.search import Searcher
    from chiasm.search.searcher import Observed

__all__ = ["OpenHome", "init_home", "require_home"]

_TOML = """\
# Settings of this home; `CHIASM_...` in the environment wins over this file.
# database_url = "postgresql://user@server/chiasm"   # default: catalog.sqlite here
# broker_url = "redis://server/0"                     # default: the folder queue/ here
# blob_url = "s3://bucket/prefix"                     # default: the folder blobs/ here
# spaces_url = "milvus+http://server:19530"           # default: faiss:, the folder spaces/ here
# device = "auto"                                     # auto, cpu, cuda, cuda:N
# text_encoder = "sentence-transformers:NAME"         # default: all-MiniLM-L6-v2
"""


def init_home(settings: Settings) -> bool:
    """Whether anything was to be done to make the home ready: folder, `chiasm.toml`, newest schema.

    Raises:
        ConflictError: The home's path is a file, or cannot be written.
    """
    from chiasm_migrations.upgrade import schema_status, upgrade_schema

    try:
        settings.home.mkdir(parents=True, exist_ok=True)
        config = settings.home / CONFIG_NAME
        fresh = not config.exists()
        if fresh:
            config.write_text(_TOML, encoding="utf-8")
    except OSError as error:
        raise ConflictError(
            f"the home cannot be made: {error.strerror}",
            where=str(settings.home),
            remedy="choose a folder that can be written",
        ) from error
    catalog = Catalog.open(settings)
    try:
        if not schema_status(catalog.engine).up_to_date:
            upgrade_schema(catalog.engine)
            fresh = True
        catalog.workspace_id(settings.workspace)
    finally:
        catalog.close()
    return fresh


def require_home(settings: Settings) -> None:
    """Pass where a home is.

    Raises:
        NotFoundError: Nobody ran `chiasm init` there.
    """
    known = settings.database_url or (settings.home / CONFIG_NAME).exists()
    if not known and not (settings.home / "catalog.sqlite").exists():
        raise NotFoundError(
            "there is no Chiasm home here",
            where=str(settings.home),
            remedy=f"run `chiasm init {settings.home}`, or name another with --home or CHIASM_HOME",
        )


class OpenHome:
    """Settings, catalog, blobs and models of a home; safe to share between threads."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.catalog = Catalog.open(settings)
        self._lock = threading.RLock()
        self._decoder: Decoder | None = None
        self._searcher: Searcher | None = None
        self._traffic: Traffic | None = None
        self._reasoning: Reasoning | None = None

    @cached_property
    def blobs(self) -> BlobStore:
        """Where pictures and sounds lie."""
        from chiasm.media import BlobStore

        return BlobStore(self.settings.blobs_url)

    @cached_property
    def models(self) -> ModelCache:
        """Encoders and releases, loaded once."""
        from chiasm.models import ModelCache

        return ModelCache(self.settings)

    def searcher(self) -> Searcher:
        """The searcher; the first call loads what it needs."""
        # Two requests at once must not load the same models twice.
        with self._lock:
            if self._searcher is None:
                from chiasm.releases.traffic import Traffic
                from chiasm.search import Searcher

                def observed(searcher: Searcher) -> Observed:
                    self._traffic = Traffic(self.settings, self.catalog, searcher)
                    return self._traffic.answer

                self._searcher = Searcher(self.settings, self.catalog, self.models, observed)
            return self._searcher

    def reasoning(self) -> Reasoning:
        """Who mines rules and predicts by them."""
        with self._lock:
            if self._reasoning is None:
                from chiasm.reasoning import Reasoning

                self._reasoning = Reasoning(self.settings, self.searcher(), self.catalog)
            return self._reasoning

    def decoder(self) -> Decoder:
        """A limited child process that decodes what strangers send."""
        with self._lock:
            if self._decoder is None:
                from chiasm.media import Decoder

                self._decoder = Decoder()
            return self._decoder

    def close(self) -> None:
        """Give connections and child processes back."""
        with self._lock:
            if self._decoder is not None:
                self._decoder.close()
                self._decoder = None
            if self._traffic is not None:
                self._traffic.close()
                self._traffic = None
            self._searcher = None
            self._reasoning = None
        self.catalog.close()
