"""What remains of an erased holder identifies nobody: every store searched byte for byte, every guess tried.

Stores: the county's folder, the hub's vault, the ledger's entries, the journal, the graph.
"""

from __future__ import annotations

import hashlib
import hmac
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson
import pytest

from hub.county import CountyNode
from hub.county.holders import Traces, erase_faces, licenses_of, personal_texts, traces_in
from hub.database import create_database
from hub.envelope import FaceCipher
from hub.graph.constraints import apply_constraints
from hub.graph.driver import BoltDriver
from hub.graph.dump import dump_graph
from hub.graph.embedded import ArcadeEngine
from hub.graph.projection import Projector
from hub.journal.consents import build_consent, build_revocation
from hub.journal.records import parse_statement
from hub.journal.store import JournalStore, row_of
from hub.sources import VaultStore
from ledger.encoding import b64u_encode
from ledger.entries import parse_seal
from ledger.identifiers import holder_key
from tests.alliance import NOW, found_alliance, identifier_of, license_of
from tests.consents import consent, consent_id
from tests.entropy import seeded
from tests.graphs import PATIENT, empty
from tests.statements import MemoryLog

NAME: Final = "样例个体户甲乙丙"
CODE: Final = "92370214MA3C00000X"
ONE: Final = str(identifier_of(1))


@dataclass(frozen=True, slots=True)
class Stores:
    """A county's node with one license of the holder and one of another, and the hub's stores beside it."""

    folder: Path
    node: CountyNode
    vault: VaultStore

    @property
    def key(self) -> str:
        """The holder's keyed hash."""
        return holder_key(self.node.keys.holder, "001", CODE)

    def consents(self) -> list[bytes]:
        """Give the journal's records of a consent of the holder, and of its end: evidence names the holder."""
        digest, name = hashlib.sha256(f"{NAME} {CODE} agrees, signed".encode()).digest(), consent_id(1)
        key = self.node.keys.key("journal")
        granted = build_consent(
            consent(county="370214"), holder=self.key, evidence=digest, iat=NOW, kid=key.kid, signer=key.signer
        )
        return [granted, build_revocation(name, evidence=digest, iat=NOW, kid=key.kid, signer=key.signer)]

    def items(self) -> list[tuple[bytes, bytes]]:
        """Give entry and journal statement of every seal."""
        return [(each.entry, each.journal or b"") for each in self.node.outbox.stated_seals()]


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[Stores]:
    alliance = found_alliance(tmp_path)
    node, logged = alliance.nodes["370214"], set[bytes]()
    vault = VaultStore(tmp_path / "vault.sqlite", FaceCipher(bytes(32), seeded("vault")), logged.__contains__)
    for number in (1, 2):
        logged.add(node.seal(license_of(number, name=NAME), NOW).leaf)
        face = node.records.face(str(identifier_of(number)))
        assert face is not None
        vault.deposit("370214", face.sd_jwt, NOW)
    stores = Stores(tmp_path, node, vault)
    (tmp_path / "ledger").write_bytes(b"\n".join([alliance.genesis, *(entry for entry, _ in stores.items())]))
    with closing(create_database(tmp_path / "journal.sqlite")) as connection:
        statements = [*(raw for _, raw in stores.items()), *stores.consents()]
        assert JournalStore.create(connection).append([row_of(parse_statement(raw)) for raw in statements]) == [
            0,
            1,
            2,
            3,
        ]
    yield stores
    vault.close()
    alliance.close()


def _erased(stores: Stores) -> frozenset[bytes]:
    """Erase everything of the holder; gives the texts that must be gone."""
    own = licenses_of(stores.node, stores.key)
    texts = personal_texts(stores.node, own) | {NAME.encode(), CODE.encode()}
    for each in own:
        stores.vault.erase("370214", each.identifier)
    assert erase_faces(stores.node, own) == [each.identifier for each in own]
    return texts


def test_a_holders_licenses_are_found_by_the_keyed_hash_and_erased_once(stores: Stores) -> None:
    own = licenses_of(stores.node, stores.key)
    assert [each.identifier for each in own] == [ONE, str(identifier_of(2))]
    assert own[0].face == license_of(1, name=NAME).claims()
    assert own[0].stated["holders"] == [stores.key]
    assert licenses_of(stores.node, holder_key(stores.node.keys.holder, "111", CODE)) == []
    _erased(stores)
    again = licenses_of(stores.node, stores.key)
    assert [each.face for each in again] == [None, None]
    assert erase_faces(stores.node, again) == []
    assert personal_texts(stores.node, again) == frozenset()


def test_no_store_holds_a_name_a_number_a_salt_or_a_disclosure(stores: Stores) -> None:
    """Nor does a free page, or a write-ahead log; and no data key is left by which a face could be opened."""
    texts = _erased(stores)
    assert len(texts) > 60
    found = traces_in(stores.folder, texts)
    assert found.found == ()
    assert found.files > 20
    with closing(sqlite3.connect(stores.node.data / "records.sqlite")) as connection:
        assert connection.execute("SELECT DISTINCT digest, wrapped, body FROM record").fetchall() == [(None,) * 3]
    with closing(sqlite3.connect(stores.folder / "vault.sqlite")) as connection:
        assert connection.execute("SELECT count(*) FROM face").fetchone() == (0,)


async def test_the_graph_holds_the_keyed_hash_and_nothing_that_names_anybody(
    stores: Stores, arcade: ArcadeEngine
) -> None:
    ledger = MemoryLog([(stores.folder / "ledger").read_bytes().split(b"\n")[0]])
    journal = MemoryLog()
    for entry, statement in stores.items():
        ledger.entries.append(entry)
        journal.entries.append(statement)
    journal.entries.extend(stores.consents())
    texts = _erased(stores)
    async with BoltDriver(arcade, deadlines=PATIENT) as driver:
        await empty(driver)
        await apply_constraints(driver)
        await Projector(driver, ledger, journal).catch_up()
        dumped = await dump_graph(driver)
    written = orjson.dumps([dumped.nodes, dumped.relationships])
    assert stores.key.encode() in written
    assert [name for name in dumped.nodes if name.startswith("Consent")] == [f"Consent:{consent_id(1)}"]
    assert [text for text in texts if text in written] == []


def _guesses() -> list[str]:
    """A thousand codes as they are given out one after another; the right one is among them."""
    return [f"92370214MA3C{number:05d}X" for number in range(1000)]


def test_the_keyed_hash_fits_no_guess_without_the_key(stores: Stores) -> None:
    """With the alliance's key it fits the right one: that is what the key is for, and why it is no part of a copy."""
    known = {b"", bytes(32), b"tongban", b"holder", CODE.encode(), ONE.encode()}
    _erased(stores)
    messages = [f"{kind}\n{code}".encode() for kind in ("001", "111") for code in _guesses()]
    tried = {b64u_encode(hashlib.sha256(one).digest()) for one in messages}
    tried |= {b64u_encode(hmac.digest(key, one, "sha256")) for key in known for one in messages}
    assert stores.key not in tried
    assert stores.key in {holder_key(stores.node.keys.holder, "001", code) for code in _guesses()}


def _digest(salt: str, name: str, value: Any) -> str:
    text = b64u_encode(orjson.dumps([salt, name, value]))
    return b64u_encode(hashlib.sha256(text.encode()).digest())


def test_the_digests_in_the_log_fit_no_guess_without_the_salts(stores: Stores) -> None:
    entry = stores.items()[0][0]
    digests: Any = parse_seal(entry).jws.payload["_sd"]
    salts = ("", "A" * 22, b64u_encode(bytes(16)), ONE, b64u_encode(hashlib.sha256(ONE.encode()).digest()[:16]))
    _erased(stores)
    tried = {_digest(salt, "certificateHolderCode", [code]) for salt in salts for code in _guesses()}
    tried |= {_digest(salt, "certificateHolderName", [NAME]) for salt in salts}
    assert tried.isdisjoint(digests)


def test_a_text_across_two_reads_is_found(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "file").write_bytes(bytes((1 << 20) - 3) + b"secret" + bytes(10))
    (tmp_path / "other").write_bytes(b"secre" + b"_" + b"ecret")
    assert traces_in(tmp_path, frozenset({b"secret"})) == Traces(files=2, bytes=(1 << 20) + 24, found=("deep/file",))
    assert traces_in(tmp_path, frozenset()).found == ()
