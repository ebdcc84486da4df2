"""The data files: divisions, roster, license types, matters, calendar; sample offerings and their materials.

CSV, UTF-8, one header line; each row ends in `source,confidence`. Confidence: S read in public texts, T tested, Mh, Mm
and Ml general knowledge (high, medium, low), sample = made up for the sample alliance. Only 370214 is a confirmed
member of the real alliance.
"""

from __future__ import annotations

import csv
import hashlib
import io
from importlib import resources
from typing import Final

__all__ = ["CATALOGUE", "TABLES", "catalogue_digest", "read_table", "table_bytes"]

CATALOGUE: Final = ("divisions", "license_types", "matters", "roster")
"""The tables that the hub's graph is built upon."""

TABLES: Final = (*CATALOGUE, "calendar", "material_differences", "materials", "offerings")
"""All tables; what the others hold is sample data that counties publish, and the calendar."""

_FORM: Final = b"versions of matters\n"  # another text when the same tables become other nodes: they are loaded again


def table_bytes(name: str) -> bytes:
    """Give the file of one of TABLES as it is shipped."""
    return resources.files(__name__).joinpath(f"{name}.csv").read_bytes()


def read_table(name: str) -> list[dict[str, str]]:
    """Read one of TABLES as rows of text by column name, in file order."""
    if name not in TABLES:
        msg = f"no data table is called {name!r}"
        raise KeyError(msg)
    return list(csv.DictReader(io.StringIO(table_bytes(name).decode("utf-8"), newline="")))


def catalogue_digest() -> str:
    """Give the SHA-256 (hex) over the tables of CATALOGUE and over the form that they take in the graph."""
    return hashlib.sha256(_FORM + b"".join(table_bytes(name) for name in CATALOGUE)).hexdigest()
