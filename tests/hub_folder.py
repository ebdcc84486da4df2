"""A hub's folder as founding and work leave it, without a process: ledger, journal, pinned files, keys; all seeded."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hub.database import open_writer
from hub.governance.founding import found_ledger, make_hub_keys, open_hub_keys
from hub.journal.casesteps import parse_case_step
from hub.journal.offerings import build_offering
from hub.journal.records import build_license_record, parse_statement
from hub.journal.store import JournalRow, JournalStore, row_of
from hub.keyfiles import write_private
from ledger.attestation import issue
from ledger.entries import MEMBER_TYP, build_status
from ledger.governance import KeyAddition, MemberRow, member_payload
from ledger.jws import sign_protected
from ledger.status import Status
from ledger.transparency.candidate import Placed, examine
from ledger.transparency.checkpoint import cosign
from ledger.transparency.merkle import leaf_hash
from ledger.transparency.note import COSIGNATURE_ED25519, Note, VerifierKey
from ledger.transparency.sequencer import Cosigned, Sequencer
from ledger.transparency.sqlite import SqliteStore
from ledger.workdays import china_day
from schema.context import Access
from tests.alliance import NOW, identifier_of
from tests.casefile import CaseFile, case_number, offered
from tests.entropy import seeded, signer_of
from tests.offerings import offering

__all__ = ["COUNTIES", "HOLDER", "ORIGIN", "PASSPHRASE", "HubFolder", "signers", "statement"]

ORIGIN: Final = "hub.example/ledger"
COUNTIES: Final = ("320583", "370214")
PASSPHRASE: Final = b"correct horse"
HOLDER: Final = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"
_VCT: Final = "urn:tongban:license:11100000MB0143028R001"
_USES: Final = {"1": ("govern",), "2": ("seal",), "4": ("journal",)}
signers: Final = {f"{county}#{number}": signer_of(f"{county}#{number}") for county in COUNTIES for number in _USES}
_WITNESSES: Final = {county: (f"{county}.example/witness", signer_of(f"witness {county}")) for county in COUNTIES}


@dataclass
class HubFolder:
    """`data` is the folder; licenses: how many were sealed. now: the clock. cause: why licenses are read."""

    data: Path
    licenses: int = 0
    now: int = NOW
    cause: str = "示例"

    @classmethod
    def make(cls, folder: Path) -> HubFolder:
        """Found a ledger of two counties in `folder`/hub, the passphrase file beside it."""
        data = folder / "hub"
        write_private(folder / "hub.pass", PASSPHRASE + b"\n")
        log = make_hub_keys(
            data, origin=ORIGIN, passphrase=PASSPHRASE, holder=seeded("holder key")(32), random=seeded("hub")
        )
        payload = member_payload(iat=NOW, origin=ORIGIN, k=1, members=[_member(county) for county in COUNTIES])
        signatures = {
            county: sign_protected(MEMBER_TYP, payload, f"{county}#1", signers[f"{county}#1"]) for county in COUNTIES
        }
        found_ledger(data, payload=payload, signatures=signatures, policy=_policy(log), passphrase=PASSPHRASE)
        return cls(data)

    def work(self, count: int, *, revoke: Sequence[int] = (), accesses: int = 1) -> None:
        """Let 370214 seal and state licenses and revoke some of those sealed before, in one batch, and publish it.

        revoke: log indexes. The batch's head binds the journal as it was before; each license is then stated, and the
        first one read `accesses` times.
        """
        with closing(open_writer(self.data / "journal.sqlite")) as one, closing(self._ledger()) as other:
            journal = JournalStore(one)
            sequencer = Sequencer.open(SqliteStore(other), open_hub_keys(self.data, PASSPHRASE).log)
            raws = [self._seal(self.licenses + number) for number in range(count)]
            raws += [self._revocation(sequencer, index) for index in revoke]
            head = journal.head
            candidates = [examine(raw, sequencer.keys, sequencer.size) for raw in raws]
            batch = sequencer.sequence(candidates, now=self.now, journal=(head.n, head.root))
            assert all(isinstance(each, Placed) for each in batch.results), batch.results
            _publish(sequencer, self.now)
            rows = [statement(self.licenses + number, leaf_hash(raws[number]), iat=self.now) for number in range(count)]
            rows += [self._access(number) for number in range(accesses if count else 0)]
            if rows:
                assert journal.append(rows) == list(range(head.n, head.n + len(rows)))
        self.licenses += count

    def offer(self) -> None:
        """Let 370214 state an offering that is in force from the day of the clock on."""
        claims = offering(planEffectiveDate=china_day(self.now).isoformat())
        raw = build_offering(claims, iat=self.now, kid="370214#4", signer=signers["370214#4"])
        with closing(open_writer(self.data / "journal.sqlite")) as connection:
            journal = JournalStore(connection)
            states = f"{claims['matter']}@370214@{claims['planEffectiveDate'].replace('-', '')}"
            assert journal.append([JournalRow(raw=raw, states=states)]) == [journal.head.n - 1]

    def open_case(self) -> None:
        """Let 370214 take in a case of its own, and ask for a correction."""
        matter = "000117002000"
        stated = parse_statement(offered("ONLINE", at=self.now, matter=matter))
        number, code = case_number(matter=matter), f"{matter}@370214@{china_day(self.now):%Y%m%d}"
        case = CaseFile(number=number, mode="ONLINE", intake="370214", pick_up="370214", matter=matter, offering=code)
        case.apply(at=self.now)
        case.add("CORRECTION_NOTICE", "370214", at=self.now)
        with closing(open_writer(self.data / "journal.sqlite")) as connection:
            journal = JournalStore(connection)
            rows = [row_of(each) for each in (stated, *map(parse_case_step, case.raws))]
            assert journal.append(rows) == [journal.head.n - 3, journal.head.n - 2, journal.head.n - 1]

    def _ledger(self) -> sqlite3.Connection:
        return open_writer(self.data / "ledger.sqlite")

    def _seal(self, number: int) -> bytes:
        claims = {"certificateIdentifier": str(identifier_of(number)), "certificateTypeName": "营业执照"}
        sealed = issue(
            claims,
            kid="370214#2",
            vct=_VCT,
            iss="370214",
            iat=self.now,
            signer=signers["370214#2"],
            random=seeded(f"seal {number}"),
        )
        return sealed.partition("~")[0].encode()

    def _revocation(self, sequencer: Sequencer, index: int) -> bytes:
        leaf = leaf_hash(sequencer.entry(index))
        return build_status(
            of=index,
            leaf=leaf,
            to=Status.REVOKED,
            reason="04",
            iat=self.now,
            kid="370214#2",
            signer=signers["370214#2"],
        )

    def _access(self, number: int) -> JournalRow:
        licenses = (str(identifier_of(self.licenses)),)
        access = Access(
            county="320583", client="320583#3", token_id=f"t{number}", use_cause=self.cause, root_field="license",
            holder=None, licenses=licenses, fields=("status",), time=self.now,
        )  # fmt: skip
        return row_of(access)


def statement(number: int, leaf: bytes, *, kid: str = "370214#4", iat: int = NOW) -> JournalRow:
    """State the license of a number, whose seal has this leaf hash."""
    identifier = identifier_of(number)
    claims = {
        "certificateIdentifier": str(identifier),
        "certificateTypeCode": identifier.type_code,
        "certificateIssuingAuthorityCode": str(identifier.issuer),
        "holders": [HOLDER],
        "certificateIssuedDate": "2026-05-01",
        "certificateEffectiveDate": None,
        "certificateExpiringDate": None,
        "replaces": None,
    }
    raw = build_license_record(claims, leaf=leaf, iat=iat, kid=kid, signer=signers[kid])
    return JournalRow(raw=raw, states=str(identifier), holders=(HOLDER,), county=kid.partition("#")[0])


def _member(county: str) -> MemberRow:
    keys = tuple(
        KeyAddition(kid=f"{county}#{n}", public_key=signers[f"{county}#{n}"].public_key, uses=uses, valid_from=NOW)
        for n, uses in _USES.items()
    )
    return MemberRow(county=county, keys=keys, cosigners={"witness": _vkey(county)})


def _vkey(county: str) -> str:
    name, signer = _WITNESSES[county]
    return VerifierKey.of(name, COSIGNATURE_ED25519, signer).vkey()


def _policy(log: VerifierKey) -> bytes:
    lines = [f"log {log.vkey()} https://{ORIGIN}"]
    lines += [f"witness w{county} {_vkey(county)} https://{county}.example/witness" for county in COUNTIES]
    return "\n".join([*lines, f"group g all {' '.join(f'w{county}' for county in COUNTIES)}", "quorum g", ""]).encode()


def _publish(sequencer: Sequencer, now: int) -> None:
    pending = sequencer.current()
    text = Note.parse(pending.note).text
    lines = [cosign(text, name, signer, now) for name, signer in _WITNESSES.values()]
    cosignatures = [(line, now) for line in lines]
    sequencer.publish(Cosigned(size=pending.size, quorum=lines, cosignatures=cosignatures, time=now))
