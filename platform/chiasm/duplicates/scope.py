"""Which contents a search looks at, and who holds them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.orm import Session

from chiasm.catalog.models import Asset, Domain, Entity
from chiasm.errors import NotFoundError, UsageError

__all__ = ["MODALITIES", "Scope", "holders", "texts_of"]

MODALITIES = ("text", "image", "audio")
_ROWS = 10_000


@dataclass(frozen=True)
class Scope:
    """What a search was asked for."""

    workspace_id: int
    #: None for all domains.
    domain_id: int | None = None
    #: None for all modalities.
    modality: str | None = None
    min_confidence: float = 0.9

    @classmethod
    def of(
        cls, session: Session, workspace_id: int, domain: str | None, modality: str | None, least: float
    ) -> Scope:
        """The scope of a domain's name.

        Raises:
            NotFoundError: There is no such domain.
            UsageError: No such modality, or a confidence out of range.
        """
        if modality is not None and modality not in MODALITIES:
            raise UsageError(
                f"no modality {modality!r}", where="duplicates", remedy=f"use {', '.join(MODALITIES)}"
            )
        if not 0.0 < least <= 1.0:
            raise UsageError(
                f"a confidence of {least}", where="duplicates", remedy="use a number above 0, at most 1"
            )
        domain_id = None
        if domain is not None:
            known = select(Domain.id).where(Domain.workspace_id == workspace_id, Domain.name == domain)
            domain_id = session.scalar(known)
            if domain_id is None:
                raise NotFoundError("there is no such domain", where=domain, remedy="check its name")
        return cls(workspace_id, domain_id, modality, least)

    @property
    def modalities(self) -> tuple[str, ...]:
        """Those looked at."""
        return MODALITIES if self.modality is None else (self.modality,)

    def entities(self) -> ColumnElement[bool]:
        """The condition on entities: stubs have nothing of their own."""
        mine = (
            (Entity.workspace_id == self.workspace_id)
            & Entity.deleted_at.is_(None)
            & Entity.is_stub.is_(False)
        )
        return mine if self.domain_id is None else mine & (Entity.domain_id == self.domain_id)

    def assets(self, modality: str, *columns: Any) -> Select[Any]:
        """Columns of the assets of a modality, of entities that are looked at."""
        chosen = select(*columns).join(Entity, Entity.id == Asset.entity_id).where(self.entities())
        return chosen.where(Asset.modality == modality, Asset.state != "failed")


def holders(session: Session, scope: Scope, modality: str) -> dict[str, list[int]]:
    """Content to the entities that have it, ascending."""
    found: dict[str, set[int]] = defaultdict(set)
    rows = scope.assets(modality, Asset.sha256, Asset.entity_id).execution_options(yield_per=_ROWS)
    for sha256, entity_id in session.execute(rows):
        found[sha256].add(entity_id)
    return {sha256: sorted(ids) for sha256, ids in sorted(found.items())}


def texts_of(session: Session, scope: Scope) -> dict[str, str]:
    """Content to the text itself."""
    rows = scope.assets("text", Asset.sha256, Asset.value).execution_options(yield_per=_ROWS)
    return {sha256: value or "" for sha256, value in session.execute(rows)}
