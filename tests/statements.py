"""A county's seals, status entries and journal records, made up and signed, the same in every run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from hub.journal.offerings import build_offering
from hub.journal.records import build_license_record
from ledger.attestation import issue
from ledger.encoding import JsonValue
from ledger.entries import MEMBER_TYP, build_status
from ledger.governance import KeyAddition, MemberRow, member_payload
from ledger.identifiers import LicenseIdentifier, Uscc, holder_key
from ledger.jws import sign_general
from ledger.status import Status
from ledger.transparency.merkle import leaf_hash
from tests.entropy import seeded, signer_of

__all__ = ["ISSUER", "NOW", "TYPE_CODE", "County", "MemoryLog", "genesis", "member_change"]

NOW: Final = 1780304400  # 2026-06-01T09:00:00Z
TYPE_CODE: Final = "11100000000013338W032"
ISSUER: Final = str(Uscc.make("11370214", "00427631"))


@dataclass(slots=True)
class MemoryLog:
    """An append-only log in memory; only the first `open_to` entries can be read, all of them when it is None."""

    entries: list[bytes] = field(default_factory=list)
    open_to: int | None = None
    reads: int = 0

    async def size(self) -> int:
        return len(self.entries) if self.open_to is None else self.open_to

    async def read(self, start: int, limit: int) -> Sequence[bytes]:
        self.reads += 1
        return self.entries[start : min(start + limit, await self.size())]

    async def sequenced(self, index: int) -> bytes | None:
        return self.entries[index] if index < len(self.entries) else None

    async def seals(self, leaves: Sequence[bytes]) -> Mapping[bytes, tuple[int, bytes]]:
        place = {leaf_hash(raw): (index, raw) for index, raw in enumerate(self.entries[: await self.size()])}
        return {leaf: place[leaf] for leaf in leaves if leaf in place}


def genesis(*counties: str) -> bytes:
    """Make entry 0: each county with one govern key."""
    kids = {county: f"{county}#1" for county in counties}
    rows = [
        MemberRow(
            county=county,
            keys=(KeyAddition(kid=kid, public_key=signer_of(kid).public_key, uses=("govern",), valid_from=NOW),),
        )
        for county, kid in kids.items()
    ]
    payload = member_payload(iat=NOW, k=1, members=rows, origin="hub.example/ledger")
    return sign_general(MEMBER_TYP, payload, [(kid, signer_of(kid)) for kid in kids.values()])


def member_change(*rows: MemberRow) -> bytes:
    """Make a later member entry, signed by nobody in particular: whoever projects it has seen it admitted."""
    payload = member_payload(iat=NOW, k=1, members=rows, prev=bytes(32))
    return sign_general(MEMBER_TYP, payload, [("370214#1", signer_of("370214#1"))])


class County:
    """One county that seals into `ledger` and states in `journal`."""

    def __init__(self, code: str, ledger: MemoryLog, journal: MemoryLog) -> None:
        self.code: Final = code
        self._ledger = ledger
        self._journal = journal
        self._seal = signer_of(f"{code}#2")
        self._state = signer_of(f"{code}#4")

    def identifier(self, serial: int) -> str:
        """Name the license of that number."""
        return str(LicenseIdentifier.make(TYPE_CODE, ISSUER, f"{self.code}{serial:012}", 1))

    def seal(self, serial: int, *, at: int = NOW) -> int:
        """Seal a license; give its log index."""
        claims = {"certificateIdentifier": self.identifier(serial)}
        sd_jwt = issue(
            claims,
            kid=f"{self.code}#2",
            vct=f"urn:tongban:license:{TYPE_CODE}",
            iss=self.code,
            iat=at,
            signer=self._seal,
            random=seeded(f"{self.code}/{serial}/{at}"),
        )
        self._ledger.entries.append(sd_jwt.split("~", 1)[0].encode("ascii"))
        return len(self._ledger.entries) - 1

    def change(self, of: int, to: Status, reason: str, *, by: int | None = None) -> int:
        """Change the status of the seal at `of`; give the log index of the change."""
        leaf = leaf_hash(self._ledger.entries[of])
        kid = f"{self.code}#2"
        raw = build_status(of=of, leaf=leaf, to=to, reason=reason, iat=NOW, kid=kid, signer=self._seal, by=by)
        self._ledger.entries.append(raw)
        return len(self._ledger.entries) - 1

    def state(self, index: int, serial: int, *, holders: Sequence[str] = ("1",), replaces: str | None = None) -> int:
        """State the license whose seal is at `index`; give the record's position."""
        claims = {
            "certificateIdentifier": self.identifier(serial),
            "certificateTypeCode": TYPE_CODE,
            "certificateIssuingAuthorityCode": ISSUER,
            "holders": [self.holder(code) for code in holders],
            "certificateIssuedDate": "2026-05-01",
            "certificateEffectiveDate": None,
            "certificateExpiringDate": "2031-04-30",
            "replaces": replaces,
        }
        leaf = leaf_hash(self._ledger.entries[index])
        raw = build_license_record(claims, leaf=leaf, iat=NOW, kid=f"{self.code}#4", signer=self._state)
        self._journal.entries.append(raw)
        return len(self._journal.entries) - 1

    def offer(self, claims: Mapping[str, JsonValue], *, at: int = NOW) -> int:
        """State an offering; give the record's position."""
        self._journal.entries.append(build_offering(claims, iat=at, kid=f"{self.code}#4", signer=self._state))
        return len(self._journal.entries) - 1

    @staticmethod
    def holder(code: str) -> str:
        """Give the holder key of a made-up code."""
        return holder_key(bytes(32), "999", code)
