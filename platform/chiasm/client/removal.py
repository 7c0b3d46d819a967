"""Deleting and forgetting, as the knowledge base offers it."""

from __future__ import annotations

from chiasm.client.job import Job
from chiasm.client.protocol import Backend, JsonDict
from chiasm.errors import UsageError

__all__ = ["Removal"]


class Removal:
    """The part of the knowledge base that takes things away."""

    _backend: Backend

    def delete(self, *keys: str, if_revision: int | None = None) -> None:
        """Delete entities: their texts, pictures, sounds, statements and vectors are in no search any more.

        Deleting what is deleted does nothing. Content may stay in files until it is overwritten: see `forget`.

        Args:
            keys: Entities, one after the other.
            if_revision: Delete only if the (one) entity still has this revision.

        Raises:
            NotFoundError: There never was such an entity; those named before it are deleted.
            ConflictError: It has another revision.
        """
        if not keys or (if_revision is not None and len(keys) > 1):
            raise UsageError(
                "delete takes keys, and a revision only with one of them", remedy="call it for each entity"
            )
        for key in keys:
            self._backend.delete(key, if_revision=if_revision)

    def delete_asset(self, asset_id: int) -> None:
        """Delete one text, picture or sound by its id (in `entity(key).to_dict()`); the entity stays."""
        self._backend.delete_asset(asset_id)

    def delete_domain(self, name: str) -> Job:
        """A job that deletes all entities of a domain, and then the domain."""
        return Job(self._backend, self._backend.clear(name))

    def clear(self) -> Job:
        """A job that deletes everything that the workspace holds; releases and jobs stay."""
        return Job(self._backend, self._backend.clear(None))

    def forget(self, *keys: str, reason: str | None = None, wait: bool = True) -> JsonDict:
        """The receipt of having deleted entities and removed every trace of them from the home.

        They are gone from every search at once. A job then rewrites the files that held their vectors and
        removes their media, stored features and scratch copies; what cannot be promised is in `remaining`.

        Args:
            keys: Entities.
            reason: Why, for the receipt.
            wait: Whether to wait for that job; else the receipt's state is *open*.

        Raises:
            NotFoundError: There is no such entity; nothing is forgotten then.
            JobFailed: A file could not be cleared; `chiasm jobs retry` goes on.
        """
        if not keys:
            raise UsageError("nothing to forget", remedy="name at least one key")
        asked = self._backend.forget(keys, reason=reason)
        if wait:
            Job(self._backend, asked["job"]).wait()
        return self.receipt(asked["receipt"])

    def receipt(self, receipt_id: int) -> JsonDict:
        """What was forgotten under this number.

        Raises:
            NotFoundError: There is no such receipt.
        """
        return self._backend.receipt(receipt_id)

    def receipts(self) -> list[JsonDict]:
        """All receipts, newest first."""
        return self._backend.receipts()
