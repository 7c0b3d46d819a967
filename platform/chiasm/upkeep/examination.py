"""All checks, one after the other, each repaired before the next one looks."""

from __future__ import annotations

from sqlalchemy.exc import DatabaseError

from chiasm.errors import ChiasmError
from chiasm.upkeep.checks import CHECKS, load_check
from chiasm.upkeep.findings import Finding, Report
from chiasm.upkeep.site import GRACE_S, HomeParts, Site

__all__ = ["examine"]


def examine(home: HomeParts, *, repair: bool = False, full: bool = False, grace_s: float = GRACE_S) -> Report:
    """What is sound in a home and what is not; with `repair` also what was mended.

    Nothing is changed without `repair`, and a repair never takes anything that a user gave: it removes what
    nothing refers to and makes derived things again. It may be stopped at any time and run again. After a
    repair its check looks a second time, and what is still wrong is a finding of its own.

    Args:
        home: An open home.
        repair: Mend what can be mended. Vectors to be computed again are jobs; the caller wakes workers.
        full: Read every blob whole, not only a sample.
        grace_s: Files that nobody names are left alone until they are so old.
    """
    site = Site(home, full=full, grace_s=grace_s)
    report = Report()
    for name in CHECKS:
        found = _look(name, site)
        report.findings += found
        if repair and _mended(found):
            report.findings += [one for one in _look(name, site) if one.level == "problem"]
        if name == "schema" and not report.healthy:
            # No other check knows the tables as they are.
            break
    report.jobs = sorted(site.job_of.values())
    return report


def _look(name: str, site: Site) -> list[Finding]:
    found: list[Finding] = []
    try:
        for one in load_check(name)(site):
            one.check = name
            found.append(one)
    except ChiasmError as error:
        found.append(Finding("problem", f"{error.where or name}: {error.what}", error.remedy, check=name))
    except DatabaseError as error:
        what = f"the catalog cannot be read: {str(error.orig).splitlines()[0]}"
        found.append(Finding("problem", what, "restore a backup", check=name))
    return found


def _mended(findings: list[Finding]) -> bool:
    """Mend what can be; whether anything was."""
    tried = False
    for one in findings:
        if one.mend is None:
            continue
        tried = True
        try:
            one.repaired = one.mend()
        except ChiasmError as error:
            one.what += f"; the repair failed: {error}"
    return tried
