"""Whether anything was committed since the last look."""

from __future__ import annotations

from pathlib import Path

from chiasm.catalog import Catalog
from chiasm.catalog.changes import Changes
from chiasm_migrations.upgrade import upgrade_schema


def test_a_mark_differs_after_every_commit_of_anybody(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'catalog.sqlite'}"
    one, other = Catalog(url), Catalog(url)
    upgrade_schema(one.engine)
    seen = [one.changes.mark()]
    assert one.changes.mark() == seen[0] is not None
    workspace_id = other.workspace_id("default")
    for catalog in (one, other):
        seen.append(one.changes.mark())
        with catalog.write() as session:
            catalog.bump_revision(session, workspace_id)
    seen.append(one.changes.mark())
    assert len(set(seen)) == 4
    # What was known before closing is not taken for what is there after it.
    one.changes.close()
    assert one.changes.mark() not in seen
    one.close()
    other.close()


def test_a_server_has_none(tmp_path: Path) -> None:
    catalog = Catalog("postgresql://user@127.0.0.1:1/none")
    assert Changes(catalog.engine).mark() is None
    catalog.close()
