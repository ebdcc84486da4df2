"""Receipts that say the same in another form: one statement has one form, or every parser reads another receipt."""

from __future__ import annotations

from collections.abc import Iterator

from tests.cases.case import Case, Edit, edited, receipt

__all__ = ["cases"]


def _form(name: str, why: str, data: bytes) -> Case:
    return Case(name=name, why=why, receipt=data, step=1, code="malformed")


def cases() -> Iterator[Case]:
    """Make the cases of step 1."""
    yield from _as_bytes()
    for name, why, edit in _EDITS:
        yield _form(name, why, edited(edit))


def _as_bytes() -> Iterator[Case]:
    yield _form("trailing_newline", "Bytes after the JSON value are signed by nobody.", receipt + b"\n")
    yield _form("byte_order_mark", "A byte order mark before the JSON value.", b"\xef\xbb\xbf" + receipt)
    yield _form("white_space", "White space between members.", receipt.replace(b'"v":1,', b'"v": 1,', 1))
    yield _form("escaped_letter", "A letter written as an escape: another parser may not fold it.",
                receipt.replace(b'"v":1', b'"\\u0076":1', 1))  # fmt: skip
    yield _form("duplicate_member", "Two sd_jwt members: which one is verified, which one is shown?",
                receipt.replace(b'"v":1,', b'"v":1,"sd_jwt":"x~",', 1))  # fmt: skip
    yield _form("number_as_float", "The version as 1.0.", receipt.replace(b'"v":1,', b'"v":1.0,', 1))
    yield _form("number_as_exponent", "The version as 1e0.", receipt.replace(b'"v":1,', b'"v":1e0,', 1))
    yield _form("number_as_true", "The version as true, which Python takes for 1.",
                receipt.replace(b'"v":1,', b'"v":true,', 1))  # fmt: skip
    yield _form("huge_number", "A version of 400 digits.", receipt.replace(b'"v":1,', b'"v":1%s,' % (b"0" * 400), 1))
    yield _form("not_a_number", "NaN is no JSON.", receipt.replace(b'"v":1,', b'"v":NaN,', 1))
    yield _form(
        "lone_surrogate", "Half a character pair in a text.", receipt.replace(b'"proof":"', b'"proof":"\\ud800')
    )
    yield _form("deep_nesting", "Brackets enough to exhaust a recursive parser.", b"[" * 5000 + b"]" * 5000)
    yield _form("truncated", "Half a receipt.", receipt[: len(receipt) // 2])
    yield _form("empty", "No bytes at all.", b"")


def _swap_order(document: dict[str, object]) -> None:
    document["sd_jwt"] = document.pop("sd_jwt")


def _proof(old: str, new: str) -> Edit:
    def edit(document: dict[str, str]) -> None:
        assert old in document["proof"]
        document["proof"] = document["proof"].replace(old, new, 1)

    return edit


_EDITS: tuple[tuple[str, str, Edit], ...] = (
    ("member_order", "Members in another order.", _swap_order),
    ("unknown_member", "A member that nobody reads.", lambda d: d.update(note="approved")),
    ("missing_status", "No status part: a proof of sealing only.", lambda d: d.pop("status")),
    ("unknown_version", "A version to come.", lambda d: d.update(v=2)),
    ("empty_keys", "keys stand only where there are any.", lambda d: d.update(keys=[])),
    ("path_without_padding", "Base64 without its padding.", lambda d: d["head"]["path"].__setitem__(0, "A" * 43)),
    ("path_with_unused_bits", "Base64 whose unused bits are set: two texts for one hash.",
     lambda d: d["head"]["path"].__setitem__(0, "A" * 42 + "B=")),
    ("path_of_64_hashes", "A path longer than any tree is high.", lambda d: d["head"].update(path=["A" * 43 + "="] * 64)),
    ("short_status_tile", "A status tile of 63 bytes.", lambda d: d["status"].update(tile="A" * 84)),
    ("index_with_zero", "A proof index with a leading zero.", _proof("index 1\n", "index 01\n")),
    ("index_with_sign", "A proof index with a sign.", _proof("index 1\n", "index +1\n")),
    ("proof_with_extra_line", "A line `extra` that nothing authenticates.", _proof("index 1\n", "extra AAAA\nindex 1\n")),
    ("proof_of_another_version", "A proof of a version to come.", _proof("tlog-proof@v1", "tlog-proof@v2")),
    ("note_with_carriage_return", "A note whose lines end as on Windows.", _proof("hub.example/ledger\n3", "hub.example/ledger\r\n3")),
    ("note_without_last_newline", "A signature line that does not end.", lambda d: d.update(proof=d["proof"][:-1])),
    ("note_with_hyphen", "A hyphen in place of the dash of a signature line.", _proof("\u2014 320583", "- 320583")),
)  # fmt: skip
