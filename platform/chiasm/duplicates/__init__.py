"""Duplicates: found by content, fingerprints and vectors; merged, and taken apart again."""

from chiasm.duplicates.merge import Merged, merge_entities
from chiasm.duplicates.pairs import STATES, dismiss, list_pairs
from chiasm.duplicates.submit import submit_find
from chiasm.duplicates.units import compare_unit, fingerprint_unit
from chiasm.duplicates.unmerge import Unmerged, take_apart, unmerge_entity

__all__ = [
    "STATES",
    "Merged",
    "Unmerged",
    "compare_unit",
    "dismiss",
    "fingerprint_unit",
    "list_pairs",
    "merge_entities",
    "submit_find",
    "take_apart",
    "unmerge_entity",
]
