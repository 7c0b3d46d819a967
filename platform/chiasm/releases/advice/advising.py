"""A proposal for the next training, put together."""

from __future__ import annotations

from typing import Any

from chiasm.catalog import Catalog
from chiasm.releases.advice.expected import expected_minutes, last_training
from chiasm.releases.advice.machine import look_at_machine
from chiasm.releases.advice.material import look_at_material
from chiasm.releases.advice.proposal import propose
from chiasm.settings import Settings

__all__ = ["advise"]


def advise(settings: Settings, catalog: Catalog, workspace_id: int) -> dict[str, Any]:
    """A proposal for `chiasm train`, with reasons; nothing is changed.

    Returns:
        ``{"data", "machine", "proposal": {"recipe", "overrides", "encoders", "command"}, "expected": {"minutes", "low",
        "high", "by"}, "reasons": [...], "warnings": [...]}``.

    Raises:
        InputError: The workspace has nothing to train on.
    """
    with catalog.read() as session:
        material = look_at_material(session, workspace_id)
        past = last_training(session, workspace_id)
    machine = look_at_machine(settings)
    proposal = propose(material, machine)
    return {
        "data": material.to_dict(),
        "machine": machine.to_dict(),
        "proposal": proposal.to_dict(),
        "expected": expected_minutes(material, machine, proposal, past).to_dict(),
        "reasons": list(proposal.reasons),
        "warnings": list(proposal.warnings),
    }
