"""Sealing: what a county signs about a license, made from the license alone, the county's keys and the time.

    seal             SD-JWT over the license's claims (ledger/attestation.py); its issuer-signed part is the log entry
    journal record   what the alliance may look up, holders as keyed hashes (hub/journal/records.py)
    status entry     revoked, suspended, reinstated, superseded (ledger/entries.py)

Dates become instants in China's time: a license begins at 00:00 UTC+8 of its effective date and ends at 00:00 UTC+8 of
the day after its last valid day.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final

from hub.journal.records import build_license_record, parse_license_record
from ledger.attestation import SEAL_TYP, SdJwt, issue
from ledger.entries import STATUS_TYP, Seal, build_status, parse_entry, parse_seal
from ledger.errors import Malformed
from ledger.identifiers import holder_key
from ledger.jws import compact_jws
from ledger.transparency.merkle import leaf_hash

if TYPE_CHECKING:
    from hub.county.keys import CountyKeys
    from hub.county.licenses import LicenseRecord
    from ledger.encoding import JsonValue
    from ledger.status import Status

__all__ = ["VCT_PREFIX", "SealedLicense", "Sealer", "day_start"]

VCT_PREFIX: Final = "urn:tongban:license:"
_EPOCH: Final = date(1970, 1, 1)
_DAY_S: Final = 86_400
_UTC8_S: Final = 8 * 3600
_STATED_SINCE_SEAL: Final = frozenset({"iss", "iat", "type", "leaf"})


def day_start(day: date) -> int:
    """Give 00:00 UTC+8 of a day in POSIX seconds."""
    return (day - _EPOCH).days * _DAY_S - _UTC8_S


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedLicense:
    """One sealed license. entry: the log entry. leaf: its leaf hash, 32 bytes. sd_jwt: with all disclosures."""

    entry: bytes
    leaf: bytes
    sd_jwt: str
    journal: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealer:
    """Signs with one county's keys. random: `random(n)` gives n fresh random bytes."""

    keys: CountyKeys
    random: Callable[[int], bytes]

    def seal(self, record: LicenseRecord, claims: Mapping[str, JsonValue], now: int) -> SealedLicense:
        """Seal a license at `now`, POSIX seconds, with fresh salts. claims: `record.claims()`, made once a license.

        Raises Malformed bad_row (it has ended already), bad_payload, too_large (claims that do not fit an entry).
        """
        start, end = record.certificate_effective_date, record.certificate_expiring_date
        not_before = None if start is None or day_start(start) <= now else day_start(start)
        expires = None if end is None else day_start(end) + _DAY_S
        if expires is not None and expires <= now:
            raise Malformed("bad_row", "certificateExpiringDate has passed: an ended license is not sealed")
        key = self.keys.key("seal")
        sd_jwt = issue(
            claims,
            kid=key.kid,
            vct=VCT_PREFIX + record.type_code,
            iss=self.keys.county,
            iat=now,
            nbf=not_before,
            exp=expires,
            signer=key.signer,
            random=self.random,
        )
        return self._stated(sd_jwt, self._statement(record, claims), now)

    def seal_again(self, sd_jwt: str, journal: bytes, now: int) -> SealedLicense:
        """Sign a seal that the log never took again, with the time of `now` and new salts.

        The log may have taken it all the same and kept silent: what is shown of the new seal must not fit the old one,
        whose status nobody would change. journal: the record that stood beside it. Raises Malformed bad_payload (it has
        ended meanwhile).
        """
        whole = SdJwt.parse(sd_jwt)
        seal = parse_seal(whole.jwt.encode("ascii"))
        if seal.expires is not None and seal.expires <= now:
            raise Malformed("bad_payload", "the license has ended before its seal was logged")
        anew = self._issued_again(whole, seal, now) if whole.disclosures else self._signed_again(seal, now)
        return self._stated(anew, _statement_in(journal), now)

    def _issued_again(self, whole: SdJwt, seal: Seal, now: int) -> str:
        key = self.keys.key("seal")
        return issue(
            {disclosure.name: disclosure.value for disclosure in whole.disclosures},
            kid=key.kid,
            vct=seal.vct,
            iss=seal.iss,
            iat=now,
            nbf=seal.not_before if seal.not_before > now else None,
            exp=seal.expires,
            cnf=seal.holder_key,
            signer=key.signer,
            random=self.random,
        )

    def _signed_again(self, seal: Seal, now: int) -> str:
        """Sign the digests of an erased license, which has nothing to show, once more."""
        key = self.keys.key("seal")
        payload = {name: value for name, value in seal.jws.payload.items() if name != "nbf" or seal.not_before > now}
        header = {"alg": key.signer.public_key.alg, "typ": SEAL_TYP, "kid": key.kid}
        return f"{compact_jws(header, {**payload, 'iat': now}, key.signer).decode('ascii')}~"

    def state_again(self, journal: bytes, leaf: bytes, now: int) -> bytes:
        """Sign a journal record about the seal of this leaf again, with the time of `now`."""
        return self._record(_statement_in(journal), leaf, now)

    def status(self, *, of: int, leaf: bytes, to: Status, reason: str, now: int, by: int | None = None) -> bytes:
        """Sign a change of the status of the seal at index `of`. Raises Malformed bad_payload."""
        key = self.keys.key("seal")
        return build_status(of=of, leaf=leaf, to=to, reason=reason, iat=now, by=by, kid=key.kid, signer=key.signer)

    def status_again(self, entry: bytes, now: int) -> bytes:
        """Sign a status entry that the log never took again, with the time of `now`."""
        stated = parse_entry(entry).jws.payload
        key = self.keys.key("seal")
        header = {"alg": key.signer.public_key.alg, "typ": STATUS_TYP, "kid": key.kid}
        return compact_jws(header, {**stated, "iat": now}, key.signer)

    def _stated(self, sd_jwt: str, statement: Mapping[str, JsonValue], now: int) -> SealedLicense:
        entry = sd_jwt.partition("~")[0].encode("ascii")
        leaf = leaf_hash(entry)
        return SealedLicense(entry=entry, leaf=leaf, sd_jwt=sd_jwt, journal=self._record(statement, leaf, now))

    def _record(self, statement: Mapping[str, JsonValue], leaf: bytes, now: int) -> bytes:
        key = self.keys.key("journal")
        return build_license_record(statement, leaf=leaf, iat=now, kid=key.kid, signer=key.signer)

    def _statement(self, record: LicenseRecord, claims: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
        return {
            "certificateIdentifier": record.identifier,
            "certificateTypeCode": record.type_code,
            "certificateIssuingAuthorityCode": record.certificate_issuing_authority_code,
            "holders": [holder_key(self.keys.holder, each.type_code, each.code) for each in record.holders],
            "certificateIssuedDate": claims["certificateIssuedDate"],
            "certificateEffectiveDate": claims["certificateEffectiveDate"],
            "certificateExpiringDate": claims["certificateExpiringDate"],
            "replaces": None if record.associated is None else str(record.associated),
        }


def _statement_in(journal: bytes) -> dict[str, JsonValue]:
    """Take what a journal record says of the license itself, without what it says of its seal."""
    stated = parse_license_record(journal).jws.payload
    return {name: value for name, value in stated.items() if name not in _STATED_SINCE_SEAL}
