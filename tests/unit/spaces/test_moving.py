"""Moving spaces to Milvus and back, by the command."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import numpy as np
import pytest
from tests.milvus import MilvusServer, milvus_server  # noqa: F401 - a fixture

from chiasm.catalog import Catalog
from chiasm.catalog.models import Space
from chiasm.cli import main
from chiasm.client.embedded import init_home
from chiasm.config_file import store_setting
from chiasm.errors import SettingsError
from chiasm.settings import load_settings
from chiasm.spaces import SpaceReader, open_source, write_segment
from chiasm.spaces.kinds import HNSW_ROWS
from chiasm.spaces.milvus import MilvusSource, MilvusStore

DIM = 8


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with one large segment."""
    settings = load_settings(tmp_path / "home")
    init_home(settings)
    catalog = Catalog.open(settings)
    with catalog.write() as session:
        space = Space(
            workspace_id=catalog.workspace_id("default"),
            kind="text",
            stamp="s" * 64,
            encoder="constant",
            dim=DIM,
        )
        session.add(space)
        session.flush()
        space_id = space.id
    vectors = np.random.default_rng(0).normal(size=(HNSW_ROWS + 100, DIM)).astype(np.float32)
    pending = write_segment(catalog, settings.spaces_dir, space_id, np.arange(len(vectors)), vectors)
    with catalog.write() as session:
        pending.commit(session)
    catalog.close()
    return settings.home


def run(*arguments: str | Path) -> int:
    with pytest.raises(SystemExit) as left:
        main([str(one) for one in arguments])
    return int(left.value.code or 0)


def same(found: list[int], before: list[int]) -> bool:
    """Whether two answers are one, but for what an index may miss."""
    return found[0] == before[0] and len({*found} & {*before}) >= 9


def answers(home: Path) -> list[int]:
    settings = load_settings(home)
    catalog = Catalog.open(settings)
    source = open_source(settings, catalog)
    view = SpaceReader(catalog, settings.spaces_dir, 1, source=source).view
    query = np.eye(1, DIM, dtype=np.float32)
    found = view.search(query, 10)[1][0].tolist()
    if isinstance(source, MilvusSource):
        source.close()
    catalog.close()
    return [int(item) for item in found]


def test_to_milvus_and_back(
    home: Path,
    milvus_server: MilvusServer,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = answers(home)
    store_setting(home, "spaces_timeout_s", "60")
    (home / "chiasm.toml").write_text((home / "chiasm.toml").read_text().replace('"60"', "60.0"))
    assert run("spaces", "move", "--home", home, "--to", milvus_server.url, "--json") == 0
    moved = json.loads(capsys.readouterr().out)
    assert moved == {"to": milvus_server.url, "copied": 1, "dropped": 0}
    assert tomllib.loads((home / "chiasm.toml").read_text())["spaces_url"] == milvus_server.url
    assert same(answers(home), before)
    assert run("spaces", "list", "--home", home, "--json") == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["backend"], row["on_milvus"], row["segments"], row["rows"]) == (
        "milvus",
        1,
        1,
        HNSW_ROWS + 100,
    )
    assert row["bytes"] > HNSW_ROWS * DIM * 2
    assert row["recall_target"] == 0.99
    assert run("spaces", "move", "--home", home, "--to", "faiss:", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"to": "faiss:", "copied": 0, "dropped": 1}
    assert same(answers(home), before)
    store = MilvusStore(load_settings(home, spaces_url=milvus_server.url, spaces_timeout_s=60))
    assert store.names("") == []
    store.close()


def test_a_server_that_is_away_changes_nothing(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store_setting(home, "log_level", "ERROR")
    before = (home / "chiasm.toml").read_text()
    assert run("spaces", "move", "--home", home, "--to", "milvus+http://127.0.0.1:9") == 1
    assert "does not answer" in re.sub(r"\s+", " ", capsys.readouterr().err)
    assert (home / "chiasm.toml").read_text() == before


@pytest.mark.parametrize("url", ["milvus", "http://host", "milvus+http://u:p@host", "milvus+file://x.db", ""])
def test_urls_that_are_none_are_wrong_usage(home: Path, url: str) -> None:
    assert run("spaces", "move", "--home", home, "--to", url) == 2


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", 'spaces_url = "faiss:"\n'),
        ("# note\ndevice = 'cpu'\n", "spaces_url = \"faiss:\"\n# note\ndevice = 'cpu'\n"),
        ("spaces_url='x' # mine\nidle_s = 1\n", 'spaces_url = "faiss:"\nidle_s = 1\n'),
        ('idle_s = 1\n\tspaces_url = "x"\n', None),
        ('spaces_url = """\nx"""\n', None),
        ("[broken", None),
    ],
)
def test_a_setting_is_stored_without_touching_the_rest(
    tmp_path: Path, before: str, after: str | None
) -> None:
    path = tmp_path / "chiasm.toml"
    path.write_text(before)
    if after is None:
        with pytest.raises(SettingsError):
            store_setting(tmp_path, "spaces_url", "faiss:")
        after = before
    else:
        store_setting(tmp_path, "spaces_url", "faiss:")
    assert path.read_text() == after
