"""What searches the large segments of a home, by its settings."""

from __future__ import annotations

from chiasm.catalog import Catalog
from chiasm.settings import Settings
from chiasm.spaces.gpu import GpuSource, gpu_number
from chiasm.spaces.source import CandidateSource
from chiasm.spaces_url import SpacesUrl

__all__ = ["open_source"]


def open_source(settings: Settings, catalog: Catalog) -> CandidateSource | None:
    """Milvus where `CHIASM_SPACES_URL` names it, a GPU where `CHIASM_DEVICE` does; None: their own indexes.

    Nothing is connected to before the first question.
    """
    if SpacesUrl.parse(settings.spaces_url).kind == "milvus":
        from chiasm.spaces.milvus import MilvusSource, MilvusStore, Naming

        return MilvusSource(MilvusStore(settings), Naming(catalog))
    number = gpu_number(settings.device)
    return None if number is None else GpuSource(number)
