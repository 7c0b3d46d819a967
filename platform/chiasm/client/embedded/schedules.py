"""Schedules of a workspace as JSON, and what can be done with them."""

from __future__ import annotations
