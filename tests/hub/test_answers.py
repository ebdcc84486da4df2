"""Errors that another process states: a known code in its class, a message fit for a terminal and a database."""

from __future__ import annotations

from typing import Any

import pytest

from hub.answers import MAX_MESSAGE_CHARS, stated_error
from ledger.errors import CODES


@pytest.mark.parametrize("code", sorted(CODES))
def test_every_code_comes_back_in_its_class(code: str) -> None:
    error = stated_error({"code": code, "message": "why"})
    assert (type(error), str(error)) == (CODES[code], f"{code}: why")


@pytest.mark.parametrize("value", [None, "invalid_client", 1, [], ["code"]])
def test_what_is_no_object_states_no_error(value: Any) -> None:
    assert stated_error(value) is None


@pytest.mark.parametrize("code", [None, 7, "", "unheard_of", "bad_\ud800", ["wrong_target"]])
def test_an_unknown_code_asks_to_try_again(code: Any) -> None:
    error = stated_error({"code": code, "message": "x"})
    assert str(error) == "not_ready: the answer states an error that is not known here"


@pytest.mark.parametrize(
    ("message", "kept"),
    [
        ("a\ud800b", "ab"),
        ("a\r\n\x1b[31mb\u202e\x00", "a[31mb"),
        ("城阳区 ok", "城阳区 ok"),
        ("x" * 9_000, "x" * MAX_MESSAGE_CHARS),
        (None, ""),
        ({"a": 1}, ""),
    ],
)
def test_a_message_is_bounded_and_printable(message: Any, kept: str) -> None:
    error = stated_error({"code": "wrong_target", "message": message})
    assert error is not None
    assert error.message == kept
