"""A workspace out of SQL into a replica, as a whole."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sqlalchemy.orm import Session

from chiasm.catalog.change_log import log_marks
from chiasm.catalog.models import Domain, Predicate
from chiasm.origins import GIVEN
from chiasm.search import fetch
from chiasm.search.keyed import KeyIndex
from chiasm.search.replica import Replica, positions
from chiasm.search.texts import Texts

__all__ = ["load_replica"]


def load_replica(
    session: Session, workspace_id: int, revision: int, origins: Sequence[str] = GIVEN
) -> Replica:
    """The present content of a workspace, with the statements of some origins."""
    epoch, last_change = log_marks(session)
    domains = fetch.names(session, Domain, workspace_id)
    predicates = fetch.names(session, Predicate, workspace_id)
    entities = fetch.entities(session, workspace_id, None)
    assets = fetch.assets(session, workspace_id, None)
    edges = fetch.edges(session, workspace_id, None, origins)
    keys = Texts.of(entities.keys)
    place = {domain_id: at for at, domain_id in enumerate(domains)}
    rows = positions(entities.ids, assets.owners)
    known = rows >= 0
    domain_ids, predicate_ids = tuple(domains), tuple(predicates)
    ids, graph = fetch.graph_of(edges, entities.ids, predicate_ids)
    return Replica(
        revision=revision,
        epoch=epoch,
        last_change=last_change,
        ids=entities.ids,
        keys=keys,
        titles=Texts.of(entities.titles),
        attributes=Texts.of(entities.attributes),
        domains=fetch.domain_codes(entities.domain_ids, place),
        domain_ids=domain_ids,
        domain_names=list(domains.values()),
        stub=entities.stub,
        live=entities.live,
        key_index=KeyIndex.of(keys),
        asset_ids=assets.ids[known],
        asset_rows=rows[known].astype(np.int32),
        asset_kinds=assets.kinds[known],
        triple_ids=ids,
        origins=tuple(origins),
        graph=graph,
        predicate_ids=predicate_ids,
        predicates=list(predicates.values()),
        aliases=fetch.alias_rows(session, workspace_id, entities.ids),
    )
