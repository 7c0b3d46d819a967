"""Losses, one a file."""

from chiasm.fusion.losses.info_nce import InfoNce

__all__ = ["InfoNce"]
