"""Reads the vector files of tests/vectors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

__all__ = ["read_vectors"]

_FOLDER: Final = Path(__file__).parent / "vectors"


def read_vectors(name: str) -> Any:
    """Read one JSON file of vectors."""
    return json.loads((_FOLDER / name).read_text("utf-8"))
