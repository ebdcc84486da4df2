"""The rule of the basis: a root field that reads beyond the own county has the argument, and can be null."""

from __future__ import annotations

from typing import Any

import pytest

from schema.conformance import faults
from schema.consents import ReadBasis
from schema.licenses import License
from schema.scalars import UseCause
from tests.test_mapping import LICENSE, toy_root


def unfounded(code: str, use_cause: UseCause) -> License | None:
    """A root's function that names no basis."""
    raise NotImplementedError


def founded(code: str, basis: ReadBasis | None = None) -> str | None:
    """A root's function that names a basis for what needs none."""
    raise NotImplementedError


def never_null(code: str, use_cause: UseCause, basis: ReadBasis | None = None) -> License:
    """A root's function whose answer cannot be taken back."""
    raise NotImplementedError


READ = {"access": "license.read", "personal": True}


@pytest.mark.parametrize(
    ("function", "options", "text"),
    [
        (unfounded, READ, "reads by a basis, but has no argument basis: ReadBasis"),
        (founded, {}, "takes a basis, but its rule needs none"),
        (never_null, READ, "can lose its basis while it is read, but cannot be null"),
    ],
)
def test_a_root_that_breaks_the_rule_is_found(function: Any, options: dict[str, Any], text: str) -> None:
    assert f"Query.broken: {text}" in faults(toy_root(LICENSE, function, **options))
