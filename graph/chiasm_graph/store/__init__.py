"""Graphs of millions of statements as columns: in memory, or mapped from files."""

from chiasm_graph.store.columns import Columns
from chiasm_graph.store.files import Kept, load_table, save_table
from chiasm_graph.store.names import Names
from chiasm_graph.store.relation_index import RelationIndex
from chiasm_graph.store.table import DEFAULT_ORIGIN, Said, TripleTable
from chiasm_graph.store.table_builder import TableBuilder

__all__ = [
    "DEFAULT_ORIGIN",
    "Columns",
    "Kept",
    "Names",
    "RelationIndex",
    "Said",
    "TableBuilder",
    "TripleTable",
    "load_table",
    "save_table",
]
