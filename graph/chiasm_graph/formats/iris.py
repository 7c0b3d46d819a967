"""Keys and predicates as IRIs, and back: RDF takes nothing else as a name."""

from __future__ import annotations

from urllib.parse import quote, unquote

__all__ = ["PREFIX", "name_of_iri", "wrapped_name"]

#: Of wrapped names.
PREFIX = "urn:chiasm:"


def wrapped_name(name: str) -> str:
    """An IRI for a name that is none itself."""
    return PREFIX + quote(name, safe="")


def name_of_iri(iri: str) -> str:
    """The name that `wrapped_name` was given; any other IRI is its own name."""
    return unquote(iri.removeprefix(PREFIX)) if iri.startswith(PREFIX) else iri
