"""Assets that go back to where they came from."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.orm import Session

from chiasm.catalog.models import EntityMerge, MergePart
from chiasm.duplicates.rows import ASSET, change, put_back

__all__ = ["Return", "return_assets"]


@dataclass
class Return:
    """An undoing under way."""

    session: Session
    #: The entity that is itself again, and the one that it was part of.
    entity_id: int
    kept_id: int
    #: Modality to the space that its assets belong to.
    spaces: dict[str, int]
    #: Space to assets that have no vector there.
    to_embed: dict[int, set[int]] = field(default_factory=dict)


def return_assets(back: Return, merge_id: int) -> None:
    """Give assets back that went over, and make anew what was there twice or was deleted since.

    What another entity that is merged into the same one had as well stays there in its name.
    """
    mine = select(MergePart).where(MergePart.merge_id == merge_id, _ASSETS).order_by(MergePart.id)
    parts = back.session.scalars(mine).all()
    there = set(
        back.session.scalars(select(ASSET.c.id).where(ASSET.c.id.in_([part.row_id for part in parts])))
    )
    gone: set[tuple[str, str]] = set()
    for part in parts:
        if part.moved and part.row_id in there:
            # Its state and its vector are of the content, not of the owner.
            about = {name: part.content[name] for name in ("lang", "role", "source", "position")}
            change(back.session, ASSET, part.row_id, {"entity_id": back.entity_id, **about})
            gone.add((part.content["modality"], part.content["sha256"]))
        else:
            _put(back, part, back.entity_id, taken=part.row_id in there)
    _keep_what_others_had(back, merge_id, gone)


_ASSETS = MergePart.kind == ASSET.name


def _keep_what_others_had(back: Return, merge_id: int, gone: set[tuple[str, str]]) -> None:
    merges = select(EntityMerge.id).where(EntityMerge.into_id == back.kept_id, EntityMerge.id != merge_id)
    parts = select(MergePart).where(MergePart.merge_id.in_(merges), _ASSETS, MergePart.moved.is_(False))
    for part in back.session.scalars(parts.order_by(MergePart.id)).all():
        content = (part.content["modality"], part.content["sha256"])
        if content in gone:
            gone.discard(content)
            part.moved = True
            part.row_id = _put(back, part, back.kept_id, taken=False)
    back.session.flush()


def _put(back: Return, part: MergePart, entity_id: int, *, taken: bool) -> int:
    values = {**part.content, "entity_id": entity_id}
    space_id = back.spaces.get(values["modality"])
    if values["state"] != "failed" and (space_id is not None or values["state"] != "waiting"):
        values["state"] = "pending"
    asset_id = put_back(back.session, ASSET, values, None if taken else part.row_id)
    if values["state"] == "pending" and space_id is not None:
        back.to_embed.setdefault(space_id, set()).add(asset_id)
    return asset_id
