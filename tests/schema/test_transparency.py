"""The newest checkpoint, for people."""

from __future__ import annotations

from ledger.encoding import b64u_encode
from schema.context import Published
from tests.answers import ask, data_of
from tests.ports import NOW, FakeRegistry, request_context

QUERY = "{ checkpoint { origin size root time cosigners note } }"


async def test_the_newest_checkpoint_is_given_with_its_note() -> None:
    note = "hub.example/ledger\n9007199254740991\nroot\n\n— hub.example/ledger AAAA\n"
    newest = Published(
        note=note.encode(),
        size=2**53 - 1,
        root=bytes(range(32)),
        time=NOW,
        cosigners=("370214.tongban.example/witness",),
    )
    assert data_of(await ask(QUERY, request_context(registry=FakeRegistry(newest=newest)))) == {
        "checkpoint": {
            "origin": "hub.example/ledger",
            "size": 2**53 - 1,
            "root": b64u_encode(bytes(range(32))),
            "time": "2026-06-01T09:00:00.000Z",
            "cosigners": ["370214.tongban.example/witness"],
            "note": note,
        }
    }


async def test_before_the_first_checkpoint_there_is_none() -> None:
    assert data_of(await ask(QUERY, request_context())) == {"checkpoint": None}
