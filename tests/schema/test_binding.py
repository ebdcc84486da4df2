"""The key of a start node comes from the arguments, alone, joined or through a named binding."""

from __future__ import annotations

from schema.binding import BINDINGS, argument_names, key_of
from schema.mapping import KeyStart
from tests.ports import request_context


def test_one_argument_is_the_key() -> None:
    start = KeyStart(label="Matter", key="code", argument="code")
    assert argument_names(start) == ("code",)
    assert key_of(start, {"code": "001001001000"}, request_context()) == "001001001000"


def test_several_arguments_are_joined_by_the_separator() -> None:
    start = KeyStart(label="Offering", key="code", argument=("matter", "county"), separator="@")
    assert argument_names(start) == ("matter", "county")
    arguments = {"county": "370214", "matter": "001001001000"}
    assert key_of(start, arguments, request_context()) == "001001001000@370214"


def test_a_holder_is_bound_by_the_keyed_hash_of_the_context() -> None:
    start = KeyStart(label="Holder", key="key", argument="holder", bind="holder_key")
    holder = {"certificateHolderTypeCode": "001", "certificateHolderCode": "91370214MA3C00000X"}
    assert key_of(start, {"holder": holder}, request_context()) == "key of 001 91370214MA3C00000X"
    assert set(BINDINGS) == {"holder_key"}
