from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from alembic.script import ScriptDirectory

from chiasm.catalog import Catalog
from chiasm_migrations.upgrade import _config, schema_status, upgrade_schema


def test_the_newest_revision_is_alembics(tmp_path: Path) -> None:
    catalog = Catalog(f"sqlite:///{tmp_path / 'catalog.sqlite'}")
    before = schema_status(catalog.engine)
    assert before.current is None
    assert before.newest == ScriptDirectory.from_config(_config()).get_current_head()
    assert upgrade_schema(catalog.engine).up_to_date
    catalog.close()


def test_opening_a_home_needs_no_alembic(tmp_path: Path) -> None:
    code = "import sys, chiasm; chiasm.open(sys.argv[1]).close(); print('alembic' in sys.modules)"
    for expected in ("True", "False"):
        done = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path / "home")], capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == expected
