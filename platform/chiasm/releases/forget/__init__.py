"""Forgetting: an entity is deleted, every trace of it in the home removed, and a receipt says what went."""

from chiasm.releases.forget.receipts import list_receipts, read_receipt
from chiasm.releases.forget.submit import Asked, submit_forget
from chiasm.releases.forget.unit import forget_unit

__all__ = ["Asked", "forget_unit", "list_receipts", "read_receipt", "submit_forget"]
