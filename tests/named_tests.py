"""Tests by their names, as documents and the README give them: `tests/hub/graphql/test_rights.py::test_x`."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path
from typing import Final

__all__ = ["is_test"]

_ROOT: Final = Path(__file__).parent.parent


def is_test(name: str) -> bool:
    """Tell whether pytest collects a test of this name: a file `tests/**/test_*.py`, or a function in one."""
    path, _, function = name.partition("::")
    place = _ROOT / path
    if not (path.startswith("tests/") and place.name.startswith("test_") and place.is_file()):
        return False
    return not function or function in _functions(place)


@cache
def _functions(path: Path) -> frozenset[str]:
    tree = ast.parse(path.read_text("utf-8"))
    found = {each.name for each in tree.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)}
    for each in tree.body:
        if isinstance(each, ast.ClassDef) and each.name.startswith("Test"):
            found |= {part.name for part in each.body if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef)}
        if isinstance(each, ast.Assign):  # a state machine's TestCase
            found |= {target.id for target in each.targets if isinstance(target, ast.Name)}
    return frozenset(name for name in found if name.lower().startswith("test"))
