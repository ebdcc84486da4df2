"""The GraphQL documents of the load tests, one a file, checked against the SDL by `tests/test_operations.py`."""

from __future__ import annotations

from pathlib import Path
from typing import Final

__all__ = ["OPERATIONS", "operation"]

_FOLDER: Final = Path(__file__).parent
OPERATIONS: Final = tuple(sorted(file.stem for file in _FOLDER.glob("*.graphql")))


def operation(name: str) -> str:
    """Give the text of `<name>.graphql`."""
    return (_FOLDER / f"{name}.graphql").read_text("utf-8")
