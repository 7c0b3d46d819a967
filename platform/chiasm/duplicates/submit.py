"""Asking for a search for duplicates."""

from __future__ import annotations

from sqlalchemy import func, select

from chiasm.catalog import Catalog
from chiasm.catalog.models import Asset
from chiasm.duplicates.scope import Scope
from chiasm.jobs import add_units, create_job, find_job, wake
from chiasm.settings import Settings

__all__ = ["submit_find"]

#: Asset ids that one unit goes through.
_IDS = 4096
#: After the units that make fingerprints.
_LATER = 200


def submit_find(
    settings: Settings,
    catalog: Catalog,
    workspace_id: int,
    *,
    domain: str | None = None,
    modality: str | None = None,
    min_confidence: float = 0.9,
    idempotency_key: str | None = None,
) -> int:
    """The id of a job that looks for entities that are one thing.

    Args:
        settings: The home.
        catalog: Its catalog.
        workspace_id: Tenant.
        domain: Look within it only.
        modality: Look at texts, pictures or sounds only.
        min_confidence: Pairs that are less sure are not kept.
        idempotency_key: Asking twice with the same key does it once.

    Raises:
        NotFoundError: There is no such domain.
        UsageError: No such modality, or a confidence out of range.
    """
    with catalog.read() as session:
        scope = Scope.of(session, workspace_id, domain, modality, min_confidence)
        span = session.execute(
            select(func.min(Asset.id), func.max(Asset.id)).where(Asset.workspace_id == workspace_id)
        ).one()
    asked = {"domain_id": scope.domain_id, "modality": modality, "min_confidence": min_confidence}
    ranges = [] if span[0] is None else [(at, at + _IDS) for at in range(span[0], span[1] + 1, _IDS)]
    payloads = [
        {"domain_id": scope.domain_id, "modality": one, "first": first, "beyond": beyond}
        for one in ("image", "audio")
        if one in scope.modalities
        for first, beyond in ranges
    ]
    with catalog.write() as session:
        known = find_job(session, workspace_id, idempotency_key)
        if known is not None:
            return known.id
        params = {"domain": domain, "modality": modality, "min_confidence": min_confidence}
        job = create_job(session, workspace_id, "duplicates", params, idempotency_key)
        add_units(session, job, "fingerprint", payloads)
        add_units(session, job, "compare", [asked], priority=_LATER)
        job_id = job.id
    wake(settings, "ingest")
    return job_id
