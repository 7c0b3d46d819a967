"""Attributes that filters ask for: each is true for a share of the rows, drawn at random."""

from __future__ import annotations

__all__ = ["MARKS"]

#: Name of the attribute to the share of rows that have it, in percent.
MARKS = {"p50": 50.0, "p10": 10.0, "p1": 1.0, "p01": 0.1, "p001": 0.01}
