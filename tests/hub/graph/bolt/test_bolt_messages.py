"""What a reader sends, byte for byte."""

from __future__ import annotations

from hub.graph.bolt.codec import find_codec
from hub.graph.bolt.messages import chunked, login, route, run

_CODEC = find_codec()


def test_a_message_is_cut_at_65535_bytes() -> None:
    assert chunked(b"abc") == b"\0\3abc\0\0"
    assert chunked(b"x" * 0xFFFF) == b"\xff\xff" + b"x" * 0xFFFF + b"\0\0"
    assert chunked(b"x" * 0x10000) == b"\xff\xff" + b"x" * 0xFFFF + b"\0\1x\0\0"


def test_a_read_is_run_and_pull() -> None:
    spelled = run(_CODEC, "RETURN $v AS r", {"v": 1}, {"mode": "r"})
    pull = "0006b13fa1816eff0000"
    assert spelled.hex() == "001db3108e52455455524e2024762041532072a1817601a1846d6f646581720000" + pull


def test_the_password_is_in_hello_before_5_1_and_in_logon_since() -> None:
    old = login(_CODEC, (4, 4), ("root", "secret"), None)
    new = login(_CODEC, (5, 4), ("root", "secret"), {"address": "a:7687"})
    assert [message[3] for message in old] == [0x01]
    assert b"secret" in old[0]
    assert [message[3] for message in new] == [0x01, 0x6A]
    assert b"secret" not in new[0]
    assert b"a:7687" in new[0]
    assert b"secret" in new[1]


def test_route_names_the_database() -> None:
    assert route(_CODEC, {}, "hub").hex() == "000cb366a090a1826462836875620000"
