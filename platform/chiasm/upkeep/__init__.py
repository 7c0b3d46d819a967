"""Keeping a home sound: checks that compare SQL with the files, and repairs of what is derived."""

from chiasm.upkeep.examination import examine
from chiasm.upkeep.findings import Finding, Report
from chiasm.upkeep.site import Site

__all__ = ["Finding", "Report", "Site", "examine"]
