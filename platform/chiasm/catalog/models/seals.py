"""The triggers that clear a row's hash when one of its facts changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

__all__ = ["FACTS", "trigger_statements"]

#: Table to the columns whose damage must be found; what work changes all the time is not among them.
FACTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "entity": ("workspace_id", "key", "domain_id", "title", "attributes", "is_stub", "deleted_at"),
        "asset": (
            *("workspace_id", "entity_id", "modality", "sha256", "value", "media_type", "size_bytes"),
            *("lang", "role", "position", "source"),
        ),
        "job": ("workspace_id", "kind", "params", "idempotency_key", "created_at"),
    }
)


def trigger_statements(dialect: str) -> Iterator[str]:
    """SQL that makes the triggers of a database."""
    if dialect == "postgresql":
        yield (
            "CREATE OR REPLACE FUNCTION chiasm_unseal() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN NEW.row_hash := NULL; RETURN NEW; END $$"
        )
    for table, columns in FACTS.items():
        named = ", ".join(f'"{name}"' for name in columns)
        if dialect == "postgresql":
            yield (
                f"CREATE TRIGGER unseal_{table} BEFORE UPDATE OF {named} ON {table} "
                "FOR EACH ROW EXECUTE FUNCTION chiasm_unseal()"
            )
        else:
            yield (
                f"CREATE TRIGGER unseal_{table} AFTER UPDATE OF {named} ON {table} "
                "WHEN NEW.row_hash IS NOT NULL "
                f"BEGIN UPDATE {table} SET row_hash = NULL WHERE id = NEW.id; END"
            )
