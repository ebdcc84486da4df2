"""What a county offers, as its node publishes it: signed once, kept in the outbox, delivered to the hub's journal.

An offering has no entry in the log: its record goes to the journal at once. A version that is stated stays as it is:
another content needs another planEffectiveDate. One that the hub refused may be published anew with the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from hub.journal.offerings import build_offering, offering_of
from ledger.errors import Conflict
from ledger.jws import parse_jws
from ledger.transparency.merkle import leaf_hash

if TYPE_CHECKING:
    from hub.county.keys import CountyKeys
    from hub.county.outbox import Item, Outbox
    from hub.database import Database
    from hub.journal.offerings import OfferingRecord
    from ledger.encoding import JsonValue

__all__ = ["Offered", "Offerings", "PublishedOffering"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """A version that is signed and in the outbox. fresh: False if it had been before, with the same content."""

    code: str
    fresh: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedOffering:
    """A version, and where it stands: waiting for the hub, in its journal, or refused for good with a stable code."""

    code: str
    effective: str
    state: Literal["waiting", "stated", "refused"]
    refusal: str | None


class Offerings:
    """The offerings of one county. keys: those that sign now."""

    def __init__(self, database: Database, outbox: Outbox, keys: Callable[[], CountyKeys]) -> None:
        self._database = database
        self._outbox = outbox
        self._keys = keys

    def publish(self, claims: Mapping[str, JsonValue], now: int) -> Offered:
        """Sign a version and put it into the outbox; the same content once more changes nothing.

        claims: the members of hub.journal.offerings.OFFERING_CLAIMS. On disk when this returns. Raises Malformed
        (form; its first day has passed), Conflict duplicate_identifier (this version is published with another
        content), NotVerified key_not_active.
        """
        key = self._keys().key("journal")
        raw = build_offering(claims, iat=now, kid=key.kid, signer=key.signer)
        record = _read(raw)
        with self._database.transaction() as connection:
            self._outbox.drop_refused_offering(connection, record.code)
            known = self._outbox.offering(connection, record.code)
            if known is not None:
                if _read(known.entry).claims != record.claims:
                    raise Conflict("duplicate_identifier", "this version is published: state another first day")
                return Offered(code=record.code, fresh=False)
            self._outbox.put(
                connection,
                "offering",
                record.code,
                leaf=leaf_hash(raw),
                entry=raw,
                journal=raw,
                now=now,
                state="logged",
            )
        return Offered(code=record.code, fresh=True)

    def renew(self, item: Item, now: int) -> None:
        """Sign a version again whose key has ended, and send it a second later.

        Raises Malformed bad_payload when its first day has passed meanwhile, NotVerified key_not_active.
        """
        key = self._keys().key("journal")
        raw = build_offering(_read(item.entry).claims, iat=now, kid=key.kid, signer=key.signer)
        with self._database.transaction() as connection:
            self._outbox.renew(connection, item, leaf=leaf_hash(raw), entry=raw, journal=raw, due=now + 1)

    def all(self) -> list[PublishedOffering]:
        """Give every version, by code."""
        return [_published(item) for item in self._outbox.offerings()]


_STATES: Final[dict[str, Any]] = {"logged": "waiting", "done": "stated", "failed": "refused"}


def _published(item: Item) -> PublishedOffering:
    refused = item.code if item.state == "failed" else None
    effective = _read(item.entry).effective
    return PublishedOffering(code=item.identifier, effective=effective, state=_STATES[item.state], refusal=refused)


def _read(raw: bytes) -> OfferingRecord:
    return offering_of(parse_jws(raw))
