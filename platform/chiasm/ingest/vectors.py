"""Vectors leave their spaces in the transaction in which what they are of goes."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.orm import Session

from chiasm.catalog.models import Asset, Space

__all__ = ["remove_assets", "remove_entity_vectors"]


def remove_assets(session: Session, workspace_id: int, which: ColumnElement[bool]) -> int:
    """Delete assets and take their vectors out of every space; how many.

    Rows first: who embeds one of them at this moment (PostgreSQL) holds its row and is waited for, and what it
    wrote goes too. The other way round its vector would stay.

    Args:
        session: The caller's write transaction.
        workspace_id: Tenant.
        which: Assets of the workspace.
    """
    gone = delete(Asset).where(which).returning(Asset.id, Asset.modality)
    found = session.execute(gone, execution_options={"synchronize_session": False}).all()
    for modality in sorted({kind for _, kind in found}):
        _remove(session, workspace_id, modality, [one for one, kind in found if kind == modality])
    return len(found)


def remove_entity_vectors(session: Session, workspace_id: int, entity_ids: Sequence[int]) -> None:
    """Take entities, whose rows the caller has locked, out of every space of entities."""
    for kind in ("graph", "fused"):
        _remove(session, workspace_id, kind, entity_ids)


def _remove(session: Session, workspace_id: int, kind: str, item_ids: Sequence[int]) -> None:
    # Imported here: spaces bring FAISS, and most batches delete nothing.
    from chiasm.spaces import remove_items

    spaces = select(Space.id).where(Space.workspace_id == workspace_id, Space.kind == kind)
    remove_items(session, session.scalars(spaces).all(), item_ids)
