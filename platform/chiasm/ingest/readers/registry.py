"""Form of a source -> its reader, imported when first used."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import NamedTuple, Protocol

from chiasm.errors import ManifestError, NotFoundError
from chiasm.ingest.readers.lines import PACKED
from chiasm.ingest.rows import Row

__all__ = ["Form", "Reader", "detect", "is_source", "register_reader"]


class Reader(Protocol):
    """Yields a source's rows in constant memory."""

    def __call__(self, path: Path, /, *, line: int = 0, offset: int = 0) -> Iterator[Row]:
        """Rows after line `line`, which ends at byte `offset` (0: not known)."""
        ...


class Form(NamedTuple):
    """A form of source."""

    name: str
    #: `module:function` of its reader.
    target: str

    def load(self) -> Reader:
        """The reader."""
        module, _, function = self.target.partition(":")
        reader: Reader = getattr(import_module(module), function)
        return reader


_HERE = "chiasm.ingest.readers"
_SUFFIXES: dict[str, Form | Callable[[Path], Form]] = {}
_ACCEPTED = (
    "use .jsonl, .csv, .tsv, .nt, .ttl, .rdf, .graphml or node-link .json (also .gz and .zst of them), "
    ".parquet, or a folder of media"
)


def register_reader(suffix: str, form: Form | Callable[[Path], Form]) -> None:
    """Read files of a suffix (`.csv`; `.gz` or `.zst` behind it comes by itself) by this form, or by what it says."""
    _SUFFIXES[suffix] = form


def detect(path: Path) -> Form:
    """The form of a source, by its suffix and, for tables, its header.

    Raises:
        NotFoundError: There is no such file or folder.
        ManifestError: It has no form that is read.
    """
    if path.is_dir():
        return Form("folder", f"{_HERE}.folder:read_folder")
    if not path.is_file():
        raise NotFoundError("no such file or folder", where=str(path), remedy="check the path")
    form = _SUFFIXES.get(_suffix_of(path))
    if form is None:
        raise ManifestError(
            f"{path.suffix or 'no suffix'!r} is no form that is read", where=path.name, remedy=_ACCEPTED
        )
    return form if isinstance(form, Form) else form(path)


def is_source(path: Path) -> bool:
    """Whether a file's name is that of a manifest, of triples or of a graph."""
    return _suffix_of(path) in _SUFFIXES


def _suffix_of(path: Path) -> str:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in PACKED:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def _table(path: Path) -> Form:
    from chiasm.ingest.readers.table import detect_table

    return detect_table(path)


def _parquet(path: Path) -> Form:
    from chiasm.ingest.readers.parquet import detect_parquet

    return detect_parquet(path)


for _suffix in (".jsonl", ".ndjson"):
    register_reader(_suffix, Form("jsonl", f"{_HERE}.jsonl:read_jsonl"))
for _suffix in (".csv", ".tsv"):
    register_reader(_suffix, _table)
for _suffix in (".nt", ".ttl", ".rdf", ".owl", ".xml"):
    register_reader(_suffix, Form("rdf", f"{_HERE}.rdf:read_rdf"))
register_reader(".parquet", _parquet)
register_reader(".graphml", Form("graphml", f"{_HERE}.network:read_graphml"))
register_reader(".json", Form("node-link", f"{_HERE}.network:read_node_link"))
