"""Texts found by their words: FTS5 with BM25 on SQLite, `tsvector` with weights by rarity on PostgreSQL."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sqlalchemy import ARRAY, Text, bindparam, text
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from chiasm.catalog.catalog import Catalog
from chiasm.catalog.models.full_text import INDEX, UNSPACED, drop_statements, index_statements, split_terms
from chiasm.errors import ChiasmError, UsageError

__all__ = ["MAX_MATCH", "index_damage", "match_terms", "matching_assets", "merge_index", "rebuild_index"]

#: Characters of what is looked for, and terms that are made of it.
MAX_MATCH = 1000
_MAX_TERMS = 64
#: Pages of the index that one step of merging writes; a step is one short transaction.
_MERGE_PAGES = 500

_QUOTED_OR_WORD = re.compile(r'"([^"]*)"|([^\s"]+)')
_PIECES = re.compile(f"[{UNSPACED}]+|[^{UNSPACED}]+")

_SQLITE = text(
    f"SELECT rowid, -rank FROM {INDEX} WHERE {INDEX} MATCH :terms ORDER BY rank, rowid LIMIT :most"
)
#: The sum over terms of inverse document frequency (as in BM25) times `ts_rank`, which saturates with the
#: number of occurrences and here falls with the length of the text: PostgreSQL has no BM25 of its own.
_POSTGRESQL = text(
    f"""
    WITH term AS MATERIALIZED (
      SELECT DISTINCT q FROM (SELECT phraseto_tsquery('simple', chiasm_terms(t)) AS q FROM unnest(:terms) AS t) AS given
      WHERE numnode(q) > 0
    ), found AS MATERIALIZED (
      SELECT q, asset_id, ts_rank(terms, q, 1) AS rank, count(*) OVER (PARTITION BY q) AS df
      FROM term JOIN {INDEX} ON terms @@ q WHERE workspace_id = :workspace_id
    ), size AS (
      SELECT greatest(reltuples, (SELECT max(df) FROM found), 1) AS n FROM pg_class WHERE oid = '{INDEX}'::regclass
    )
    SELECT asset_id, sum(rank * ln(1 + (n - df + 0.5) / (df + 0.5))) AS score FROM found, size
    GROUP BY asset_id ORDER BY score DESC, asset_id LIMIT :most
    """
).bindparams(bindparam("terms", type_=ARRAY(Text)))


def match_terms(words: str) -> list[str]:
    """What is looked for: each word, and each phrase in double quotes.

    A run of a script without spaces is looked for by its pairs of characters, which needs no dictionary: a text
    that has more of them stands higher.

    Raises:
        UsageError: It is too long, or there is no word in it.
    """
    if len(words) > MAX_MATCH:
        raise UsageError(
            f"the words to match have {len(words)} characters",
            where="match",
            remedy=f"use at most {MAX_MATCH}; a long text is better asked as `text`",
        )
    terms: dict[str, None] = {}
    for phrase, word in _QUOTED_OR_WORD.findall(words.replace("\0", " ")):
        for term in [phrase] if phrase else _pairs(word):
            if any(sign.isalnum() for sign in term):
                terms[term] = None
    if not terms:
        raise UsageError(
            "there is no word to match", where="match", remedy="letters or digits are needed, not signs alone"
        )
    return list(terms)[:_MAX_TERMS]


def matching_assets(
    session: Session, workspace_id: int, terms: list[str], most: int
) -> list[tuple[int, float]]:
    """Assets with any of the terms and how well they match, best first; some may be of other workspaces.

    Args:
        session: A transaction.
        workspace_id: Tenant. SQLite's index knows none: the caller keeps those of its own assets.
        terms: Of `match_terms`.
        most: How many at most.
    """
    if session.get_bind().dialect.name == "postgresql":
        given = {"terms": terms, "workspace_id": workspace_id, "most": most}
        found = session.execute(_POSTGRESQL, given).all()
    else:
        # Each is one string of FTS5's language: nothing in it is an operator.
        quoted = " OR ".join('"' + split_terms(term).replace('"', '""') + '"' for term in terms)
        found = session.execute(_SQLITE, {"terms": quoted, "most": most}).all()
    return [(int(asset_id), float(score)) for asset_id, score in found]


def index_damage(catalog: Catalog) -> str | None:
    """What is wrong with the index; None if it is whole."""
    sqlite = catalog.engine.dialect.name == "sqlite"
    held = f"SELECT id FROM {INDEX}_docsize" if sqlite else f"SELECT asset_id FROM {INDEX}"
    texts = "SELECT id FROM asset WHERE value IS NOT NULL"
    try:
        with catalog.read() as session:
            missing = session.scalar(text(f"SELECT count(*) FROM ({texts} EXCEPT {held}) AS lost")) or 0
            stray = session.scalar(text(f"SELECT count(*) FROM ({held} EXCEPT {texts}) AS gone")) or 0
        if sqlite:
            with catalog.write() as session:
                session.execute(text(f"INSERT INTO {INDEX}({INDEX}) VALUES ('integrity-check')"))
    except (DatabaseError, ChiasmError) as error:
        return f"the full-text index cannot be read: {str(getattr(error, 'orig', error)).splitlines()[0]}"
    if missing or stray:
        return f"the full-text index lacks {missing} texts and holds {stray} that are gone"
    return None


def rebuild_index(catalog: Catalog) -> None:
    """Make the index anew from the texts, in one transaction."""
    dialect = catalog.engine.dialect.name
    with catalog.write() as session:
        connection = session.connection()
        for statement in (*drop_statements(dialect), *index_statements(dialect)):
            connection.exec_driver_sql(statement)


def merge_index(catalog: Catalog) -> None:
    """Rewrite SQLite's index without what was deleted, whose words it keeps until then.

    FTS5 only marks what is deleted. Merged into one part, nothing is left that a mark could be about.
    """
    # Negative: of all levels, as `optimize` does; the steps that follow go on with it.
    pages = -_MERGE_PAGES
    while catalog.engine.dialect.name == "sqlite":
        with catalog.write() as session:
            session.execute(text("PRAGMA secure_delete=ON"))
            before = session.scalar(text("SELECT total_changes()"))
            session.execute(text(f"INSERT INTO {INDEX}({INDEX}, rank) VALUES ('merge', {pages})"))
            after = session.scalar(text("SELECT total_changes()"))
        # As the documentation of FTS5 has it: less than two changes, nothing was left to do.
        if int(after or 0) - int(before or 0) < 2:
            return
        pages = _MERGE_PAGES


def _pairs(word: str) -> Iterator[str]:
    for piece in _PIECES.findall(word):
        unspaced = re.match(f"[{UNSPACED}]", piece) is not None
        if not unspaced or len(piece) <= 2:
            yield piece
        else:
            yield from (piece[at : at + 2] for at in range(len(piece) - 1))
