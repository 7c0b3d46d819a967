"""Deleting and forgetting, on a home opened in this process."""

from __future__ import annotations

from collections.abc import Sequence

from chiasm.client.embedded.tenant import Tenant
from chiasm.client.protocol import JsonDict

__all__ = ["Removal"]


class Removal(Tenant):
    """The part of the backend that takes things away."""

    def delete(self, key: str, *, if_revision: int | None = None) -> None:
        """Delete an entity; its neighbours are fused anew, as their graph token changed."""
        from chiasm.ingest.delete import delete_entity

        self._woken(delete_entity(self.home.catalog, self.workspace_id, key, if_revision=if_revision))

    def delete_asset(self, asset_id: int) -> None:
        """Delete one text, picture or sound."""
        from chiasm.ingest.delete import delete_asset

        self._woken(delete_asset(self.home.catalog, self.workspace_id, asset_id))

    def clear(self, domain: str | None) -> int:
        """The id of a job that deletes a domain, or with None everything."""
        from chiasm.ingest.clear import submit_clear

        return submit_clear(self.home.settings, self.home.catalog, self.workspace_id, domain)

    def forget(self, keys: Sequence[str], *, reason: str | None) -> JsonDict:
        """`{"receipt": ID, "job": ID}`: deleted at once, the job clears the files."""
        from chiasm.releases.forget import submit_forget

        asked = submit_forget(self.home.settings, self.home.catalog, self.workspace_id, keys, reason=reason)
        return {"receipt": asked.receipt_id, "job": asked.job_id}

    def receipt(self, receipt_id: int) -> JsonDict:
        """What was forgotten."""
        from chiasm.releases.forget import read_receipt

        return read_receipt(self.home.catalog, self.workspace_id, receipt_id)

    def receipts(self) -> list[JsonDict]:
        """All receipts, newest first."""
        from chiasm.releases.forget import list_receipts

        return list_receipts(self.home.catalog, self.workspace_id)
