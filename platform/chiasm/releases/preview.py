"""What would change if another release answered: the same queries, side by side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from chiasm.catalog import Catalog
from chiasm.catalog.models import Asset, Entity
from chiasm.errors import ConflictError, NotFoundError, UsageError
from chiasm.releases.following import behind
from chiasm.releases.kept_queries import kept_queries
from chiasm.releases.store import find_release

if TYPE_CHECKING:
    from chiasm.hit import Hit
    from chiasm.search import Searcher

__all__ = ["preview"]

#: Of one preview.
MOST_QUERIES = 500
SHOWN = 20
_FINISHED = ("active", "candidate", "retired", "building")


def preview(
    catalog: Catalog,
    searcher: Searcher,
    workspace_id: int,
    name: str,
    against: str | None = None,
    *,
    queries: int = 100,
    k: int = 10,
) -> dict[str, Any]:
    """How the answers of two releases differ on saved queries, on recent ones, and on titles where these are few.

    Args:
        catalog: Where both are.
        searcher: Who answers by either.
        workspace_id: Tenant.
        name: The release that might answer.
        against: The other one; default the active one.
        queries: At most so many.
        k: Hits compared of each.

    Returns:
        ``churn`` (the share of hits of one that are not among those of the other), what is gained and lost by domain
        and modality, and the queries whose answers differ most.

    Raises:
        UsageError: A number is out of range, or both are the same release.
        NotFoundError: There is no such release, none is active, or there is nothing to ask.
        ConflictError: One of them is not built.
    """
    if not 1 <= queries <= MOST_QUERIES or not 1 <= k <= 100:
        raise UsageError(f"ask for 1 to {MOST_QUERIES} queries and 1 to 100 hits", where="preview")
    with catalog.read() as session:
        new, old = (find_release(session, workspace_id, one) for one in (name, against))
        if new.id == old.id:
            raise UsageError(
                f"{new.name} is compared with itself", where="--against", remedy="name another one"
            )
        for release in (new, old):
            if release.state not in _FINISHED:
                raise ConflictError(
                    f"it is {release.state}", where=release.name, remedy="choose a finished one"
                )
        late = {release.name: behind(session, release) for release in (new, old)}
    asked = _queries(catalog, workspace_id, queries)
    if not asked:
        raise NotFoundError(
            "there is nothing to ask",
            where="preview",
            remedy="save queries with `chiasm releases queries add`",
        )
    compared: list[dict[str, Any]] = []
    gone = 0
    totals = {side: (Counter[str](), Counter[str]()) for side in ("a", "b")}
    for source, said in asked:
        if len(compared) == queries:
            break
        try:
            ours, theirs = (_hits(searcher, workspace_id, said, one, k) for one in (new.id, old.id))
        except (NotFoundError, UsageError):
            # Its entity or domain is not there any more.
            gone += 1
            continue
        for side, hits in (("a", ours), ("b", theirs)):
            totals[side][0].update(hit.domain or "" for hit in hits)
            totals[side][1].update(kind for hit in hits for kind in hit.present)
        compared.append(_compared(source, said, ours, theirs))
    searcher.release(workspace_id)
    changed = sorted(
        (one for one in compared if one["churn"]), key=lambda one: (-one["churn"], str(one["query"]))
    )
    number = max(1, len(compared))
    return {
        "a": new.name,
        "b": old.name,
        "k": k,
        "n": len(compared),
        "sources": dict(Counter(one["source"] for one in compared)),
        "not_asked": gone,
        "behind": late,
        "churn": {
            "mean": round(sum(one["churn"] for one in compared) / number, 4),
            "same_best": round(sum(one["same_best"] for one in compared) / number, 4),
            "unchanged": round(sum(not one["churn"] for one in compared) / number, 4),
        },
        "domains": _moved(totals["a"][0], totals["b"][0]),
        "modalities": _moved(totals["a"][1], totals["b"][1]),
        "changed": changed[:SHOWN],
    }


def _queries(catalog: Catalog, workspace_id: int, most: int) -> list[tuple[str, Mapping[str, Any]]]:
    """Saved ones first, then recent ones, then titles, always the same ones; titles are enough by themselves."""
    rows = kept_queries(catalog, workspace_id)
    found: list[tuple[str, Mapping[str, Any]]] = []
    for source in ("saved", "recent"):
        found += [(source, row["query"]) for row in rows if (row["name"] is None) is (source == "recent")]
    titles = (
        select(Asset.value, Asset.sha256)
        .join(Entity, Entity.id == Asset.entity_id)
        .where(
            Asset.workspace_id == workspace_id,
            Asset.modality == "text",
            Entity.deleted_at.is_(None),
            Entity.is_stub.is_(False),
        )
        # In an order that has nothing to do with what they say.
        .order_by(Asset.sha256)
        .distinct()
        .limit(most)
    )
    with catalog.read() as session:
        found += [("titles", {"text": text}) for text in session.scalars(titles) if text and text.strip()]
    unique = {repr(sorted(said.items())): (source, said) for source, said in reversed(found)}
    return [*reversed(unique.values())]


def _hits(
    searcher: Searcher, workspace_id: int, said: Mapping[str, Any], release_id: int, k: int
) -> list[Hit]:
    from chiasm.search import Part, Query

    kind = "text" if "text" in said else "entity"
    query = Query((Part(kind, said.get(kind)),), into=said.get("into"), k=k)  # type: ignore[arg-type]
    return list(searcher.search(workspace_id, query, release_id=release_id).hits)


def _compared(source: str, said: Mapping[str, Any], ours: list[Hit], theirs: list[Hit]) -> dict[str, Any]:
    mine, other = ({hit.key: hit.rank for hit in hits} for hits in (ours, theirs))
    most = max(len(mine), len(other), 1)
    return {
        "query": dict(said),
        "source": source,
        "churn": round(1 - len(mine.keys() & other.keys()) / most, 4),
        "same_best": [hit.key for hit in ours[:1]] == [hit.key for hit in theirs[:1]],
        "a": [_shown(hit, other) for hit in ours],
        "b": [_shown(hit, mine) for hit in theirs],
    }


def _shown(hit: Hit, other: Mapping[str, int]) -> dict[str, Any]:
    """A hit, and its rank in the other list."""
    return {
        "rank": hit.rank,
        "key": hit.key,
        "title": hit.title,
        "domain": hit.domain,
        "score": round(hit.score, 4),
        "other_rank": other.get(hit.key),
    }


def _moved(ours: Counter[str], theirs: Counter[str]) -> list[dict[str, Any]]:
    """Hits by name for each release, what gains most first."""
    names: Iterable[str] = ours.keys() | theirs.keys()
    rows = [
        {"name": one, "a": ours[one], "b": theirs[one], "change": ours[one] - theirs[one]} for one in names
    ]
    return sorted(rows, key=lambda row: (-row["change"], row["name"]))
