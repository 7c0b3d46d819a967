"""The words of a workspace: what its entities and its predicates are called. Kept as long as the replica is."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass

import orjson
from sqlalchemy import func, select

from chiasm.catalog import Catalog
from chiasm.catalog.models import Asset
from chiasm.questions.names import Name, NameIndex
from chiasm.questions.predicates import PredicateWords
from chiasm.questions.wording import phrase
from chiasm.search.replica import Replica
from chiasm.search.state import State

__all__ = ["Lexicon", "lexicon_of"]

#: Texts up to this length may be names.
_NAME_LETTERS = 60
#: Attributes that hold further names.
_ALIASES = (b'"alias"', b'"aliases"', b'"also_known_as"', b'"synonyms"')
_KEPT = ("questions", "lexicon")
_building = threading.Lock()


@dataclass(frozen=True)
class Lexicon:
    """Names of entities, and words of predicates."""

    names: NameIndex
    predicates: PredicateWords


def lexicon_of(state: State, catalog: Catalog) -> Lexicon:
    """The lexicon of a state; the first call after a change makes it."""
    found: Lexicon | None = state.derived.get(_KEPT)
    if found is None:
        # Two questions at once must not both make it.
        with _building:
            found = state.derived.get(_KEPT)
            if found is None:
                found = _made(state, catalog)
                state.derived[_KEPT] = found
    return found


def _made(state: State, catalog: Catalog) -> Lexicon:
    texts = dict[int, list[str]]()
    for row, text in _short_texts(state, catalog):
        texts.setdefault(row, []).append(text)
    called = dict[str, list[str]]()
    for name in state.replica.predicates:
        own = state.replica.find(name)
        if own is not None:
            # A predicate that is an entity too, as in RDF, may have a title and further names there.
            title = state.replica.titles[own]
            called[name] = [text for text in (title, *texts.get(own, ())) if text]
    names = NameIndex(_names(state.replica, texts))
    return Lexicon(names, PredicateWords(state.replica.predicates, called))


def _names(replica: Replica, texts: dict[int, list[str]]) -> Iterator[Name]:
    for key, row in replica.aliases.items():
        yield Name(row, "key", key)
    for row in replica.live.nonzero()[0].tolist():
        key, title = replica.keys[row], replica.titles[row]
        yield Name(row, "key", key)
        if title:
            yield Name(row, "title", title)
        else:
            # What has no title is called by its key: `kw:dog` by dog.
            yield Name(row, "title", phrase(key))
        for text in texts.get(row, ()):
            if text != title:
                yield Name(row, "text", text)
        for alias in _aliases(replica, row):
            yield Name(row, "alias", alias)


def _aliases(replica: Replica, row: int) -> Iterator[str]:
    [encoded] = replica.attributes.encoded([row])
    if any(name in encoded for name in _ALIASES):
        attributes = orjson.loads(encoded)
        for name in _ALIASES:
            value = attributes.get(name.decode().strip('"'))
            for one in value if isinstance(value, list) else [value]:
                if isinstance(one, str):
                    yield one


def _short_texts(state: State, catalog: Catalog) -> Iterator[tuple[int, str]]:
    """Row and text of what is short enough to be a name."""
    statement = (
        select(Asset.id, Asset.value)
        .where(
            Asset.workspace_id == state.workspace_id,
            Asset.modality == "text",
            func.length(Asset.value) <= _NAME_LETTERS,
        )
        .order_by(Asset.id)
    )
    with catalog.read() as session:
        found = session.execute(statement).all()
    import numpy as np

    rows = state.replica.rows_of_assets(np.fromiter((one for one, _ in found), np.int64, len(found)))
    for row, (_, text) in zip(rows.tolist(), found, strict=True):
        if row >= 0 and text:
            yield row, text
