"""The key of a start node comes from the arguments, alone, joined or through a named binding."""

from __future__ import annotations

from schema.binding import BINDINGS, argument_names, bound_values, key_of
from schema.mapping import KeyStart
from schema.statistics import StatisticsPeriod
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
    assert set(BINDINGS) == {"earlier", "holder_key", "periods"}


def test_several_arguments_are_bound_together() -> None:
    binds = ((("from", "to", "by"), "periods"), (("from", "by"), "earlier"))
    start = KeyStart(label="Jurisdiction", key="code", argument="county", binds=binds)
    arguments = {"county": "370214", "from": "2020-02-03", "to": "2020-03-01", "by": StatisticsPeriod.MONTH}
    assert start.bound_arguments() == ("from", "to", "by", "from", "by")
    assert bound_values(start, arguments, request_context()) == {
        "earlier": ["2020-01"],
        "periods": ["2020-02", "2020-03"],
    }
