"""The data files: divisions, roster, license types, matters, materials, offerings, calendar.

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

__all__ = ["TABLES", "catalogue_digest", "read_table"]

TABLES: Final = ("calendar", "divisions", "license_types", "materials", "matters", "offerings", "roster")


def _bytes(name: str) -> bytes:
    return resources.files(__name__).joinpath(f"{name}.csv").read_bytes()


def read_table(name: str) -> list[dict[str, str]]:
    """Read one of TABLES as rows of text by column name, in file order."""
    if name not in TABLES:
        msg = f"no data table is called {name!r}"
        raise KeyError(msg)
    return list(csv.DictReader(io.StringIO(_bytes(name).decode("utf-8"), newline="")))


def catalogue_digest() -> str:
    """Give the SHA-256 (hex) over all tables: the version of the catalogue in the graph."""
    return hashlib.sha256(b"".join(_bytes(name) for name in TABLES)).hexdigest()
