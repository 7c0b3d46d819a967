"""An evaluation report as one page that needs nothing else: no network, no script."""

from chiasm.client.evaluation_page.page import evaluation_page

__all__ = ["evaluation_page"]
