"""Sending what was noted: each notice once by each channel, again after a failure, also after a kill.

Whoever sends moves the row's due time on first, so that nobody else sends it meanwhile; if it dies, it is due again then.
Whether a message left just before a kill nobody can know: it is sent again under the same id.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from sqlalchemy import exists, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from chiasm.catalog import Catalog
from chiasm.catalog.models import Delivery, Notice, Workspace
from chiasm.errors import ChiasmError
from chiasm.jobs.runs import Clock, database_time
from chiasm.releases.notify.mail import send_mail
from chiasm.releases.notify.message import Message
from chiasm.releases.notify.webhook import send_webhook
from chiasm.settings import Settings

__all__ = ["MAX_ATTEMPTS", "channels_of", "deliver_due"]

_log = logging.getLogger(__name__)
MAX_ATTEMPTS = 8
#: Longer than any attempt takes.
_LEASE_S = 60.0
_PAUSE_S, _MAX_PAUSE_S = 10.0, 3600.0
#: News of long ago is none: who sets up a channel is not told of it.
_NEWS_S = 86_400.0
_BATCH = 100

Send = Callable[[Settings, Message], None]


def channels_of(settings: Settings) -> dict[str, Send]:
    """How the settings want people to be told."""
    chosen: dict[str, Send] = {}
    if settings.webhook_url:
        chosen["webhook"] = send_webhook
    if settings.smtp_url and settings.mail_to:
        chosen["mail"] = send_mail
    return chosen


def deliver_due(settings: Settings, catalog: Catalog, *, clock: Clock = database_time) -> int:
    """Send what is due; how many messages were taken.

    Args:
        settings: The home.
        catalog: Its catalog.
        clock: The time.
    """
    sent = 0
    for channel, send in channels_of(settings).items():
        _address(catalog, channel, clock)
        for _ in range(_BATCH):
            message = _claim(catalog, channel, clock)
            if message is None:
                break
            sent += _sent(settings, catalog, channel, send, message, clock)
    return sent


def _address(catalog: Catalog, channel: str, clock: Clock) -> None:
    """A row for each notice that the channel has none of yet."""
    there = exists().where(Delivery.notice_id == Notice.id, Delivery.channel == channel)
    with catalog.read() as session:
        since = clock(session) - _NEWS_S
        fresh = select(Notice.id).where(Notice.created_at > since, ~there).order_by(Notice.id).limit(_BATCH)
        ids = list(session.scalars(fresh))
    for notice_id in ids:
        try:
            with catalog.write() as session:
                session.add(Delivery(notice_id=notice_id, channel=channel, due_at=clock(session)))
        except IntegrityError:
            # Another beat was first.
            continue


def _claim(catalog: Catalog, channel: str, clock: Clock) -> tuple[int, Message] | None:
    with catalog.write() as session:
        now = clock(session)
        due = select(Delivery).where(
            Delivery.channel == channel, Delivery.state == "pending", Delivery.due_at <= now
        )
        row = session.scalar(
            due.order_by(Delivery.due_at, Delivery.notice_id).limit(1).with_for_update(skip_locked=True)
        )
        if row is None:
            return None
        row.due_at, row.attempts = now + _LEASE_S, row.attempts + 1
        return row.notice_id, _message(session, row.notice_id)


def _message(session: Session, notice_id: int) -> Message:
    notice = session.get_one(Notice, notice_id)
    workspace = session.get_one(Workspace, notice.workspace_id)
    # Made of when it was noted, too: ids of another home's notices are others.
    ident = f"n{notice.id}-{int(notice.created_at * 1000):x}"
    return Message(ident, notice.event, workspace.name, notice.created_at, dict(notice.body))


def _sent(
    settings: Settings,
    catalog: Catalog,
    channel: str,
    send: Send,
    claimed: tuple[int, Message],
    clock: Clock,
) -> int:
    notice_id, message = claimed
    error: ChiasmError | None = None
    try:
        send(settings, message)
    except ChiasmError as caught:
        error = caught
        _log.warning("notice %s was not taken by %s: %s", notice_id, channel, caught)
    with catalog.write() as session:
        row = session.get_one(Delivery, (notice_id, channel), with_for_update=True)
        now = clock(session)
        if error is None:
            row.state, row.sent_at, row.error = "sent", now, None
            return 1
        row.error = str(error)[:500]
        row.due_at = now + min(_MAX_PAUSE_S, _PAUSE_S * 2 ** (row.attempts - 1))
        if row.attempts >= MAX_ATTEMPTS:
            row.state = "failed"
    return 0
