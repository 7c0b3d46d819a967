"""Telling people of outcomes: by webhook and by mail, as the settings say."""

from chiasm.releases.notify.delivering import deliver_due
from chiasm.releases.notify.listing import list_notices
from chiasm.releases.notify.webhook import signature_of

__all__ = ["deliver_due", "list_notices", "signature_of"]
