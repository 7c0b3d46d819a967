"""The doctor, and seals with their triggers, on PostgreSQL."""

from __future__ import annotations

from sqlalchemy import delete, select, text, update
from tests.places import on

from chiasm.catalog.models import Asset, Embedding, Entity, Space
from chiasm.catalog.seals import broken_rows, seal_rows, unsealed_rows
from chiasm_migrations.upgrade import upgrade_schema

from .conftest import Clinic
from .test_doctor import flip

pytestmark = on("postgresql")


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
