"""The full-text index beside the texts of assets, and the triggers that keep it in step with them.

One table of the same name on both databases, `asset_text`: an FTS5 table without contents of its own on SQLite, a
table of `tsvector` on PostgreSQL. Triggers fill and clear it in the transaction that writes the asset, whoever
writes it: no path of ingest, merging, restoring or repairing has to think of it. The text of an asset never
changes, as its address is its content: another text is another asset.

Scripts that put no spaces between words (Chinese, Japanese, Thai, ...) are split into single characters on both
sides; what is looked for are then phrases of them. So one rule serves both databases and needs no dictionary.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

__all__ = ["INDEX", "MAX_INDEXED", "UNSPACED", "drop_statements", "index_statements", "split_terms"]

INDEX = "asset_text"
#: Characters of a text that are indexed; a `tsvector` holds one megabyte at most.
MAX_INDEXED = 100_000
#: Thai, Lao, Burmese, Khmer, ideographs, kana and Hangul, as the inside of a character class. What was indexed
#: under other ranges could not be deleted: whoever changes them has to rebuild the index in a migration.
UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u2fdf\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff"
)
_UNSPACED = re.compile(f"[{UNSPACED}]")
#: What PostgreSQL's parser would read as signs of numbers, addresses or paths; FTS5 separates words there.
_SIGNS = (
    "\u0001-\u002f\u003a-\u0040\u005b-\u0060\u007b-\u00bf\u2000-\u206f\u20a0-\u20cf\u2190-\u2bff\u3008-\u3020"
)

_SPLIT = f"""
CREATE OR REPLACE FUNCTION chiasm_terms(value text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE WHEN value ~ '[^\u0001-\u007f]' THEN
    regexp_replace(regexp_replace(normalize(regexp_replace(normalize(left(value, {MAX_INDEXED}), NFKD),
      '[\u0300-\u036f]', '', 'g'), NFC), '[{_SIGNS}]', ' ', 'g'), '([{UNSPACED}])', ' \\1 ', 'g')
  ELSE regexp_replace(left(value, {MAX_INDEXED}), '[^0-9A-Za-z]', ' ', 'g') END
$$"""


def split_terms(value: str) -> str:
    """The text with characters of unspaced scripts set apart, as it is indexed on SQLite."""
    if value.isascii():
        return value[:MAX_INDEXED]
    plain = unicodedata.normalize("NFKC", value[:MAX_INDEXED])
    return _UNSPACED.sub(r" \g<0> ", plain)


def index_statements(dialect: str) -> Iterator[str]:
    """SQL that makes the index over the texts that are there, and its triggers."""
    # A database that is restored into may have kept the one of its former tables.
    yield f"DROP TABLE IF EXISTS {INDEX}"
    yield from _postgresql() if dialect == "postgresql" else _sqlite()


def drop_statements(dialect: str) -> Iterator[str]:
    """SQL that takes away what `index_statements` made."""
    for event in ("insert", "delete"):
        yield f"DROP TRIGGER IF EXISTS text_{event}" + (" ON asset" if dialect == "postgresql" else "")
    yield f"DROP TABLE IF EXISTS {INDEX}"
    if dialect == "postgresql":
        for name in ("chiasm_text_insert()", "chiasm_text_delete()", "chiasm_terms(text)"):
            yield f"DROP FUNCTION IF EXISTS {name}"


def _sqlite() -> Iterator[str]:
    yield f"CREATE VIRTUAL TABLE {INDEX} USING fts5(value, content='', tokenize='unicode61 remove_diacritics 2')"
    # A batch a transaction: fewer, larger merges.
    yield f"INSERT INTO {INDEX}({INDEX}, rank) VALUES ('automerge', 8)"
    yield (
        f"INSERT INTO {INDEX}(rowid, value) "
        f"SELECT id, {_sqlite_terms('value')} FROM asset WHERE value IS NOT NULL ORDER BY id"
    )
    new = f"INSERT INTO {INDEX}(rowid, value) VALUES (NEW.id, {_sqlite_terms('NEW.value')});"
    # Without contents of its own it has to be told what it forgets.
    old = (
        f"INSERT INTO {INDEX}({INDEX}, rowid, value) VALUES ('delete', OLD.id, {_sqlite_terms('OLD.value')});"
    )
    yield f"CREATE TRIGGER text_insert AFTER INSERT ON asset WHEN NEW.value IS NOT NULL BEGIN {new} END"
    yield f"CREATE TRIGGER text_delete AFTER DELETE ON asset WHEN OLD.value IS NOT NULL BEGIN {old} END"


def _sqlite_terms(value: str) -> str:
    """As `split_terms`; plain ASCII without a call into Python, which other threads would have to make way for."""
    beyond = f"{value} GLOB '*[^' || char(1) || '-' || char(127) || ']*'"
    return f"CASE WHEN {beyond} THEN chiasm_terms({value}) ELSE substr({value}, 1, {MAX_INDEXED}) END"


def _postgresql() -> Iterator[str]:
    yield _SPLIT
    # No foreign key: the delete trigger clears it, and tables can be dropped in any order.
    yield f"CREATE TABLE {INDEX} (asset_id bigint PRIMARY KEY, workspace_id bigint NOT NULL, terms tsvector NOT NULL)"
    row = "id, workspace_id, to_tsvector('simple', chiasm_terms(value))"
    yield f"INSERT INTO {INDEX} SELECT {row} FROM asset WHERE value IS NOT NULL"
    yield f"CREATE INDEX ix_{INDEX}_terms ON {INDEX} USING gin (terms)"
    fill = f"INSERT INTO {INDEX} SELECT {row} FROM made WHERE value IS NOT NULL"
    clear = f"DELETE FROM {INDEX} WHERE asset_id IN (SELECT id FROM gone)"
    made, gone = "REFERENCING NEW TABLE AS made", "REFERENCING OLD TABLE AS gone"
    for event, body, rows in (
        ("insert", fill, made),
        ("delete", clear, gone),
    ):
        yield (
            f"CREATE OR REPLACE FUNCTION chiasm_text_{event}() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN {body}; RETURN NULL; END $$"
        )
        each = f"FOR EACH STATEMENT EXECUTE FUNCTION chiasm_text_{event}()"
        yield f"CREATE TRIGGER text_{event} AFTER {event.upper()} ON asset {rows} {each}"
