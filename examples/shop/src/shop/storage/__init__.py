"""Tables of rows, and questions about them. Knows nothing about shops."""

from shop.storage.query import Column, Condition, column
from shop.storage.table import DuplicateKey, Row, RowNotFound, Table

__all__ = ["Column", "Condition", "DuplicateKey", "Row", "RowNotFound", "Table", "column"]
