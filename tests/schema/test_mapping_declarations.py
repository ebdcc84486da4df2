"""Declarations reach the field as data, and its cost the SDL."""

from __future__ import annotations

import pytest

from schema.costs import Cost, ListSize, cost_directives
from schema.mapping import METADATA_KEY, Attribute, Computed, Declaration, KeyStart, attribute, computed, needed, root
from schema.queries import Query


def test_a_computed_field_takes_its_description_from_its_resolver() -> None:
    def resolver() -> str:
        """One sentence.

        Another over
        two lines.
        """
        raise NotImplementedError

    field = computed(needs=("code",), access="public", cost=3)(resolver)
    assert field.description == "One sentence. Another over two lines."
    assert field.metadata[METADATA_KEY] == Declaration(place=Computed(needs=("code",)), access="public", cost=3)


def test_a_personal_root_is_never_sent_by_get() -> None:
    def resolver(code: str) -> str:
        raise NotImplementedError

    start = KeyStart(label="License", key="code", argument="code")
    declaration = root(start, access="license.read", personal=True)(resolver).metadata[METADATA_KEY]
    assert (declaration.personal, declaration.post_only) == (True, True)


def test_an_attribute_costs_nothing_by_itself() -> None:
    assert attribute(access="public").metadata[METADATA_KEY] == Declaration(place=Attribute(), access="public", cost=0)


def test_a_resolver_reads_what_it_needs_by_its_name_in_the_graph() -> None:
    assert needed({"logIndex": 7}, "logIndex") == 7


def test_costs_above_1_and_lists_have_directives() -> None:
    assert cost_directives(1) == []
    assert cost_directives(2, rows=30) == [Cost(weight="2"), ListSize(assumed_size=30)]
    assert cost_directives(0, paged=True) == [ListSize(slicing_arguments=["first"], sized_fields=["edges"])]


def test_the_function_of_a_stored_root_is_never_run() -> None:
    with pytest.raises(NotImplementedError):
        Query().matter("001001001000")
