"""Whether one FAISS, and only one, is installed."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

from chiasm.upkeep.findings import Finding
from chiasm.upkeep.site import Site

__all__ = ["look"]


def look(site: Site) -> Iterator[Finding]:
    """The packages that bring FAISS."""
    found = [f"{name} {number}" for name in ("faiss-cpu", "faiss-gpu") if (number := _version(name))]
    if len(found) == 2:
        remedy = "they share one module; run `pip uninstall faiss-cpu faiss-gpu`, then install one of them"
        yield Finding("problem", "both faiss-cpu and faiss-gpu are installed", remedy)
    elif found:
        yield Finding("ok", found[0])
    else:
        yield Finding("problem", "none is installed", "run `pip install 'chiasm[cpu]'` or `[gpu]`")


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
