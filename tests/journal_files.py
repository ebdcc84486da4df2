"""Journal files for tests: opened, appended to, dumped and checked without a hub; the keys of four counties."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from hub.journal.records import parse_statement
from hub.journal.replay import Bound, replay_journal
from hub.journal.store import JournalRow, JournalStore, row_of
from ledger.entries import MEMBER_TYP, MemberChange, parse_entry
from ledger.errors import TongbanError
from ledger.governance import KeyAddition, MemberRow, member_payload
from ledger.jws import sign_general
from ledger.members import KeyState
from tests.casefile import CHENGYANG, FENGNAN, KUANCHENG
from tests.entropy import signer_of
from tests.statements import NOW

__all__ = ["COUNTIES", "KEYS", "STRANGER", "check", "code_of", "dump", "opened", "rows"]

STRANGER: Final = "320583"
COUNTIES: Final = (FENGNAN, KUANCHENG, CHENGYANG, STRANGER)


def _key_state() -> KeyState:
    """Every county with a govern key and a journal key."""
    members = [
        MemberRow(
            county=county,
            keys=tuple(
                KeyAddition(kid=kid, public_key=signer_of(kid).public_key, uses=(use,), valid_from=NOW)
                for kid, use in ((f"{county}#1", "govern"), (f"{county}#4", "journal"))
            ),
        )
        for county in sorted(COUNTIES)
    ]
    payload = member_payload(iat=NOW, origin="hub.example/ledger", k=1, members=members)
    kids = [f"{county}#1" for county in sorted(COUNTIES)]
    entry = parse_entry(sign_general(MEMBER_TYP, payload, [(kid, signer_of(kid)) for kid in kids]))
    assert isinstance(entry, MemberChange)
    return KeyState.genesis(entry)


KEYS: Final = _key_state()


@contextmanager
def opened(path: Path) -> Iterator[JournalStore]:
    """Open a journal's file for its one writer."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        yield JournalStore(connection)


def rows(*raws: bytes) -> list[JournalRow]:
    """Give the rows that counties' statements are appended by."""
    return [row_of(parse_statement(raw)) for raw in raws]


def code_of(result: int | TongbanError) -> int | str:
    """Give the position, or the code of the refusal."""
    return result if isinstance(result, int) else result.code


def dump(path: Path) -> list[str]:
    """Give all that a journal's file holds."""
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


def check(path: Path) -> int:
    """Check the whole journal, as `tongban ledger check` does; give the count of records."""
    bound = Bound(roots={}, keys=KEYS, issuers_of=lambda leaves: dict.fromkeys(leaves, CHENGYANG))
    with closing(sqlite3.connect(path)) as connection:
        return replay_journal(connection, bound).n
