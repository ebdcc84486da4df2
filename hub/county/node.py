"""A county node: the opened data folder, and what its people do with it.

    records.sqlite        records and outbox: what is sealed, and what of it the log does not have yet; age of the keys
    policy, genesis       from the alliance: by these the node believes the hub, and by nothing else

Several processes may have one folder open: `seal` and `revoke` write while `serve` delivers. Only one may serve.

    node = open_county(data, passphrase, random=secrets.token_bytes)
    node.seal(record, now)
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hub.assertion import client_assertion
from hub.county.keys import witness_name
from hub.county.keyview import KEY_VIEW_SCHEMA, KeyView
from hub.county.offerings import Offerings
from hub.county.outbox import OUTBOX_SCHEMA, OVERDUE_S, Item, Outbox
from hub.county.outcomes import CountyStatus, Sealed
from hub.county.records import RECORD_SCHEMA, Face, RecordStore
from hub.county.rotation import StandingKeys
from hub.county.sealing import SealedLicense, Sealer
from hub.database import Database
from hub.envelope import Envelope, FaceCipher
from hub.keychain import FolderChain
from ledger.attestation import present
from ledger.encoding import b64u_encode, canonical_json
from ledger.entries import MEMBER_TYP, Seal, StatusChange, parse_entry
from ledger.errors import Conflict, Malformed, TongbanError, Unavailable
from ledger.governance import parse_member
from ledger.jws import MAX_ENTRY_BYTES, sign_protected, unsigned_jws
from ledger.receipt import with_presentation
from ledger.status import Status
from ledger.transparency.merkle import leaf_hash
from ledger.transparency.policy import MAX_POLICY_BYTES, Policy
from ledger.verifier import Verifier
from schema.roles import RoleKind

if TYPE_CHECKING:
    from hub.county.config import CountyConfig
    from hub.county.keys import CountyKeys, KeyRing
    from hub.county.licenses import LicenseRecord

__all__ = ["NODE_SCHEMA", "CountyNode"]

NODE_SCHEMA: Final = f"{RECORD_SCHEMA};\n{OUTBOX_SCHEMA};\n{KEY_VIEW_SCHEMA}"
"""The tables of `records.sqlite`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Signed:
    """A license that was signed and is not yet stored."""

    identifier: str
    content: bytes
    sealed: SealedLicense
    envelope: Envelope


class CountyNode:
    """One opened data folder. Times are POSIX seconds; `random(n)` gives n fresh random bytes. Thread-safe."""

    def __init__(self, data: Path, config: CountyConfig, ring: KeyRing, random: Callable[[int], bytes]) -> None:
        self.data: Final = data
        self.config: Final = config
        self.random: Final = random
        self.chain: Final = FolderChain(data)
        self.standing: Final = StandingKeys(ring, self.chain, lambda: self.policy)
        self._database: Final = Database(data / "records.sqlite", NODE_SCHEMA, summed=True)
        self.records: Final = RecordStore(self._database, FaceCipher(ring.records, random))
        self.outbox: Final = Outbox(self._database)
        self.key_view: Final = KeyView(self._database)
        self.offerings: Final = Offerings(self._database, self.outbox, lambda: self.keys)

    @property
    def county(self) -> str:
        """The 6-digit county id."""
        return self.config.county

    @property
    def keys(self) -> CountyKeys:
        """The keys that sign now, by the chain that the folder keeps. Raises Malformed, NotVerified (the chain)."""
        return self.standing.keys()

    @property
    def _sealer(self) -> Sealer:
        return Sealer(keys=self.keys, random=self.random)

    @property
    def witness_name(self) -> str:
        """The name that this county's witness signs with."""
        return witness_name(self.county, self.config.domain)

    @cached_property
    def policy(self) -> Policy:
        """The alliance's policy, from the data folder. Raises Unavailable not_ready (no such file), Malformed."""
        return Policy.parse(self.file("policy", MAX_POLICY_BYTES))

    @cached_property
    def verifier(self) -> Verifier:
        """The offline verifier under the folder's policy and genesis. Raises Unavailable not_ready, Malformed."""
        return Verifier.of_files(self.file("policy", MAX_POLICY_BYTES), self.file("genesis", MAX_ENTRY_BYTES))

    def file(self, name: str, max_bytes: int) -> bytes:
        """Read a file that the alliance handed out. Raises Unavailable not_ready, Malformed too_large."""
        try:
            with (self.data / name).open("rb") as file:
                data = file.read(max_bytes + 1)
        except OSError as error:
            raise Unavailable("not_ready", f"the file {name} is not in the data folder yet") from error
        if len(data) > max_bytes:
            raise Malformed("too_large", f"the file {name} has more than {max_bytes} bytes")
        return data

    def sign_genesis(self, payload_part: str) -> tuple[str, str]:
        """Sign the payload part of a genesis with the govern key: (protected, signature), both base64url.

        Raises Malformed (form; bad_payload: it is a later change, which is signed only after a look at what it does).
        """
        if parse_member(unsigned_jws(MEMBER_TYP, payload_part)).origin is None:
            raise Malformed("bad_payload", "this is no genesis but a later change: `tongban ledger member sign`")
        return self.sign_change(MEMBER_TYP, payload_part)

    def sign_change(self, typ: str, payload_part: str) -> tuple[str, str]:
        """Sign the payload part of a member or rule entry with the govern key, as sign_genesis does.

        Raises NotVerified key_not_active.
        """
        key = self.keys.key("govern")
        return sign_protected(typ, payload_part, key.kid, key.signer)

    def client_assertion(
        self, audience: str, now: int, roles: tuple[RoleKind, ...] = (), holder: str | None = None
    ) -> str:
        """Write an assertion of this county's client key for the hub whose public URL is `audience`.

        roles: those that the county vouches for; none: a machine's. holder: holder key of who was authenticated.
        """
        key, jti = self.keys.key("client"), b64u_encode(self.random(16))
        return client_assertion(key.kid, key.signer, audience=audience, jti=jti, now=now, roles=roles, holder=holder)

    def seal(self, record: LicenseRecord, now: int) -> Sealed:
        """Seal one license.

        Raises Malformed, NotVerified key_not_active, Conflict duplicate_identifier, Unavailable store_stopped.
        """
        (outcome,) = self.seal_many([record], now)
        if isinstance(outcome, TongbanError):
            raise outcome
        return outcome

    def seal_many(self, records: Sequence[LicenseRecord], now: int) -> list[Sealed | TongbanError]:
        """Seal licenses in one transaction; one outcome each, in order: what cannot be sealed spoils no other.

        A license that is stored with the same content is not sealed again. On disk when this returns. Raises
        NotVerified key_not_active, Unavailable store_stopped for all of them.
        """
        sealer = self._sealer
        signed = [self._signed(sealer, record, now) for record in records]
        with self._database.transaction() as connection:
            return [self._stored(connection, each, now) if isinstance(each, _Signed) else each for each in signed]

    def _signed(self, sealer: Sealer, record: LicenseRecord, now: int) -> _Signed | Sealed | TongbanError:
        claims = record.claims()
        content = canonical_json(dict(sorted(claims.items())))  # whatever the order of the face fields
        try:
            if self.records.holds(record.identifier, content):
                return self._known(record.identifier)
            sealed = sealer.seal(record, claims, now)
        except (Malformed, Conflict) as error:
            return error
        envelope = self.records.encrypt(record.identifier, Face(sealed.sd_jwt))
        return _Signed(identifier=record.identifier, content=content, sealed=sealed, envelope=envelope)

    def _stored(self, connection: sqlite3.Connection, signed: _Signed, now: int) -> Sealed | TongbanError:
        sealed = signed.sealed
        try:
            added = self.records.add(connection, signed.identifier, signed.content, signed.envelope, now)
        except Conflict as error:  # another process, or an earlier row of this batch, was faster
            return error
        if not added:
            return self._known(signed.identifier)
        self.outbox.put(
            connection, "seal", signed.identifier, leaf=sealed.leaf, entry=sealed.entry, journal=sealed.journal, now=now
        )
        return Sealed(identifier=signed.identifier, leaf=sealed.leaf, fresh=True)

    def _known(self, identifier: str) -> Sealed:
        return Sealed(identifier=identifier, leaf=self.outbox.of(identifier)[0].leaf, fresh=False)

    def revoke(self, identifier: str, reason: str, now: int) -> bytes:
        """Revoke a license for good (reason 03, 04, 05, 07 or 99); gives the leaf hash of the status entry."""
        return self.change_status(identifier, Status.REVOKED, reason, now)

    def supersede(self, identifier: str, successor: str, now: int) -> bytes:
        """State that a newer license of this county takes a license's place, for good.

        Raises as change_status; Conflict wrong_target also when both are one license.
        """
        if identifier == successor:
            raise Conflict("wrong_target", "a license cannot take its own place")
        by, _ = self._logged_seal(successor)
        return self.change_status(identifier, Status.SUPERSEDED, "01", now, by=by)

    def _items(self, identifier: str) -> list[Item]:
        """Give a license's items: its seal, then its changes of status. Raises Conflict wrong_target."""
        items = self.outbox.of(identifier)
        if not items:
            raise Conflict("wrong_target", "there is no such license here")
        return items

    def _logged_seal(self, identifier: str) -> tuple[int, list[Item]]:
        items = self._items(identifier)
        if items[0].log_index is None:
            raise Conflict("wrong_target", "no seal of this license is logged yet")
        return items[0].log_index, items

    def change_status(self, identifier: str, to: Status, reason: str, now: int, *, by: int | None = None) -> bytes:
        """Sign a status entry for a license and put it into the outbox; gives its leaf hash.

        by: log index of the superseding seal, only with SUPERSEDED. The same change once more gives the first one's
        leaf. Raises Conflict wrong_target (no such license, or its seal is not logged yet: try again), final_status,
        same_status; Malformed bad_payload (reason, by).
        """
        of, items = self._logged_seal(identifier)
        changes = [item for item in items[1:] if item.state != "failed"]
        known = _same_change(changes[-1] if changes else None, to, reason, by)
        if known is not None:
            return known
        entry = self._sealer.status(of=of, leaf=items[0].leaf, to=to, reason=reason, now=now, by=by)
        leaf = leaf_hash(entry)
        with self._database.transaction() as connection:
            self.outbox.put(connection, "status", identifier, leaf=leaf, entry=entry, journal=None, now=now)
        return leaf

    def log_index(self, identifier: str) -> int:
        """Give the log index of a license's seal. Raises Conflict wrong_target (no such license, not logged yet)."""
        index, _ = self._logged_seal(identifier)
        return index

    def attestation(self, identifier: str) -> str:
        """Give a license's SD-JWT with all disclosures, once its seal is known to be logged: before, it may change.

        Raises Conflict wrong_target (no such license, not logged yet, or erased).
        """
        self._logged_seal(identifier)
        face = self.records.face(identifier)
        if face is None:
            raise Conflict("wrong_target", "the license's face was erased")
        return face.sd_jwt

    def present(self, identifier: str, names: Iterable[str], receipt: bytes | None = None) -> bytes:
        """Make a receipt file that shows the claims of `names` and no others.

        receipt: a fresher one of the same seal; None: the first, kept as evidence. Raises Conflict wrong_target (no
        such license, erased, or not witnessed yet), Malformed bad_disclosure_form (no such claim), bad_receipt.
        """
        sd_jwt, evidence = self.attestation(identifier), receipt or self._items(identifier)[0].evidence
        if evidence is None:
            raise Conflict("wrong_target", "the license has no receipt yet: its seal is not witnessed")
        return with_presentation(evidence, present(sd_jwt, names))

    def erase(self, identifier: str) -> None:
        """Erase a face: its data key is deleted, the seal in the log stays. Raises Conflict wrong_target."""
        if not self.records.erase(identifier):
            raise Conflict("wrong_target", "there is no such license here")

    def renew(self, item: Item, now: int) -> None:
        """Sign an item again that the log never took (too old, or by a key that has ended), and send it a second later.

        A hub that says so too early may have logged it: a license with two seals would keep one when the other is
        revoked. So this node's own clock and checked keys must say so as well. Raises Malformed bad_payload when the
        license has ended meanwhile, NotVerified key_not_active, Unavailable not_ready: the log could still take it.
        """
        if item.kind == "offering":
            self.offerings.renew(item, now)
            return
        if item.state == "logged" and item.journal is not None:  # the seal stands: only its statement is made again
            self._send_anew(item, item.entry, self._sealer.state_again(item.journal, item.leaf, now), now)
            return
        if not self._has_ended(item, now):
            raise Unavailable("not_ready", "by the clock and the keys of this node the log can still take the entry")
        if item.journal is None:
            self._send_anew(item, self._sealer.status_again(item.entry, now), None, now)
            return
        face = self.records.face(item.identifier)
        sd_jwt = f"{item.entry.decode('ascii')}~" if face is None else face.sd_jwt  # an erased one shows nothing
        sealed = self._sealer.seal_again(sd_jwt, item.journal, now)
        envelope = self.records.encrypt(item.identifier, Face(sealed.sd_jwt))
        self._send_anew(item, sealed.entry, sealed.journal, now, face=envelope)

    def _send_anew(
        self, item: Item, entry: bytes, journal: bytes | None, now: int, *, face: Envelope | None = None
    ) -> None:
        """Put what was signed anew in an item's place, and the face that shows it, in one transaction."""
        with self._database.transaction() as connection:
            if face is not None:
                self.records.replace(connection, item.identifier, face)
            self.outbox.renew(connection, item, leaf=leaf_hash(entry), entry=entry, journal=journal, due=now + 1)

    def _has_ended(self, item: Item, now: int) -> bool:
        """Tell whether no honest log can take an entry any more: it is too old, or its key is not active."""
        entry, state = parse_entry(item.entry), self.chain.chain().state
        listed = state.keys.get(entry.signatures[0].kid)
        ended = listed is None or listed.revoked is not None
        return ended or (isinstance(entry, Seal | StatusChange) and now > entry.iat + state.rule("iat_back_s"))

    def keys_fault(self, now: int) -> str | None:
        """Say why the members' keys may be others than those known here; None: they are those, or there are none."""
        try:
            chain = self.chain.founded()
        except TongbanError as error:
            return error.message
        return None if chain is None else self.key_view.fault(now, chain.state.rule("heartbeat_s"))

    def status(self, now: int) -> CountyStatus:
        """Count what is sealed, where the outbox stands, and whether the members' keys are known."""
        counts = self.outbox.counts(now - OVERDUE_S)
        return CountyStatus(
            sealed=self.records.count(),
            pending=counts.pending,
            witnessed=counts.witnessed,
            stated=counts.stated,
            overdue=counts.overdue,
            failed=counts.failed,
            deposited=counts.deposited,
            keys=self.keys_fault(now),
        )

    def close(self) -> None:
        """Close the folder's stores."""
        self._database.close()


def _same_change(last: Item | None, to: Status, reason: str, by: int | None) -> bytes | None:
    """Compare a wanted change with the last one made here; the log has the last word on the status itself."""
    if last is None:
        if to is Status.VALID:
            raise Conflict("same_status", "the license is in force already")
        return None
    payload = parse_entry(last.entry).jws.payload
    if (payload["to"], payload["reason"], payload.get("by")) == (int(to), reason, by):
        return last.leaf
    if payload["to"] in {Status.REVOKED, Status.SUPERSEDED}:
        raise Conflict("final_status", "the license is revoked or superseded for good")
    if payload["to"] == to:
        raise Conflict("same_status", "the license has this status already")
    return None
