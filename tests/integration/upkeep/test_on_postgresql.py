"""The doctor, and seals with their triggers, on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select, text, update
from tests.integration.ingest.conftest import HashEncoder, Home
from tests.integration.ingest.test_fusing import activate
from tests.integration.ingest.test_units import manifest, png, wav

from chiasm.catalog.models import Asset, Embedding, Entity, Space
from chiasm.catalog.seals import broken_rows, seal_rows, unsealed_rows
from chiasm.ingest import submit
from chiasm.settings import load_settings
from chiasm_encoders import register_encoder
from chiasm_migrations.upgrade import upgrade_schema

from .conftest import RECORDS, Clinic
from .test_doctor import flip


@pytest.fixture
def clinic(tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Clinic]:
    register_encoder("test-hash", lambda name, device: HashEncoder(name, []))
    for name in ("notify", "ensure_worker"):
        monkeypatch.setattr(submit, name, lambda *arguments: True)
    encoders: dict[str, Any] = {f"{m}_encoder": f"test-hash:{m}" for m in ("text", "image", "audio")}
    home = Home(load_settings(tmp_path / "home", database_url=postgres_url, **encoders), [])
    activate(home, ["next", "is"])
    source = manifest(tmp_path / "data", *RECORDS)
    (tmp_path / "data" / "a.png").write_bytes(png())
    (tmp_path / "data" / "b.wav").write_bytes(wav())
    home.ingest(source)
    clinic = Clinic(home, source)
    yield clinic
    clinic.open.close()
    home.catalog.close()


def test_sound_then_damaged_then_sound(clinic: Clinic) -> None:
    assert clinic.doctor(repair=True).healthy and clinic.wrong() == {}
    before = clinic.answers()
    segment, space = clinic.segment("text")
    with clinic.catalog.write() as session:
        session.add(Embedding(space_id=space.id, item_id=987_654, segment_id=segment.id))
        fused = select(Space.id).where(Space.kind == "fused")
        session.execute(delete(Embedding).where(Embedding.space_id.in_(fused)))
        session.execute(update(Asset).where(Asset.modality == "audio").values(state="pending"))
    flip(clinic.folder("image") / "block.npy")
    flip(clinic.folder("text") / "index.faiss")
    assert {"ghosts", "missing", "segments"} <= set(clinic.wrong())
    report = clinic.doctor(repair=True)
    assert report.healthy, report.to_dict()
    clinic.home.work()
    clinic.doctor(repair=True)
    clinic.home.work()
    clinic.doctor(repair=True)
    assert clinic.wrong() == {} and clinic.answers() == before


def test_seals(clinic: Clinic) -> None:
    seal_rows(clinic.catalog)
    assert unsealed_rows(clinic.catalog) == 0 and not list(broken_rows(clinic.catalog))
    with clinic.catalog.write() as session:
        session.execute(update(Asset).values(state="embedded"))
        session.execute(
            update(Entity).where(Entity.key == "a").values(title="hound", attributes={"x": [1.5]})
        )
    assert unsealed_rows(clinic.catalog) == 1
    seal_rows(clinic.catalog)
    with clinic.catalog.write() as session:
        session.execute(text("ALTER TABLE entity DISABLE TRIGGER unseal_entity"))
        session.execute(update(Entity).where(Entity.key == "b").values(title="cot"))
    assert [row.table for row in broken_rows(clinic.catalog)] == ["entity"]


def test_the_migration_goes_back(clinic: Clinic) -> None:
    from alembic import command

    from chiasm_migrations import upgrade

    with clinic.catalog.engine.begin() as connection:
        config = upgrade._config()
        config.attributes["connection"] = connection
        command.downgrade(config, "0001")
    assert not upgrade.schema_status(clinic.catalog.engine).up_to_date
    assert upgrade_schema(clinic.catalog.engine).up_to_date
    assert seal_rows(clinic.catalog) and clinic.doctor().healthy
