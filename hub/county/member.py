"""The member file: what a county hands to the alliance, so that genesis can list it. It holds public keys only.

{"county":"370214","name":"青岛市城阳区","url":"http://127.0.0.1:8101",
 "keys":[{"kid":"370214#1","alg":"Ed25519","x":"…","uses":["govern"],"from":1780300800},…],"witness":"<vkey>","auditor":"<vkey>"}

`auditor` only where the county runs one: then the policy asks its auditor and not its witness.

The key file: what `tongban county rotate` makes of one new key, for a member entry to list. A member file is one, too.

{"county":"370214","keys":[{"kid":"370214#5","alg":"Ed25519","x":"…","uses":["seal"],"from":1780300800}]}
{"county":"370214","witness":"<vkey>"}
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from ledger.closed import COUNTY, KID, closed, integer, list_of, text
from ledger.encoding import JsonValue, b64u_decode, parse_json
from ledger.errors import Malformed
from ledger.governance import ROLES, USES, KeyAddition, MemberRow
from ledger.suites import load_public_key
from ledger.transparency.note import COSIGNATURE_ED25519, VerifierKey

if TYPE_CHECKING:
    from hub.county.keys import CountyKeys

__all__ = ["KeyFile", "MemberFile"]

_MAX_BYTES: Final = 65_536
_MEMBERS: Final = frozenset({"county", "name", "url", "keys", "witness"})
_OPTIONAL: Final = frozenset({"auditor"})
_KEY: Final = frozenset({"kid", "alg", "x", "uses", "from"})


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberFile:
    """A county's public keys. url: of its node, without a path: cosigners answer under `/witness` and `/auditor`."""

    county: str
    name: str
    url: str
    keys: tuple[KeyAddition, ...]
    witness: VerifierKey
    auditor: VerifierKey | None = None

    @classmethod
    def of(
        cls, keys: CountyKeys, *, name: str, domain: str, url: str, valid_from: int, auditor: bool = False
    ) -> MemberFile:
        """List the public halves of a county's keys, good from `valid_from`, POSIX seconds; `auditor`: it runs one."""
        listed = tuple(
            KeyAddition(kid=keys.kid(use), public_key=public_key, uses=(use,), valid_from=valid_from)
            for use, public_key in keys.public_keys().items()
        )
        return cls(
            county=keys.county,
            name=name,
            url=url,
            keys=listed,
            witness=keys.witness_key(domain),
            auditor=keys.auditor_key(domain) if auditor else None,
        )

    @property
    def row(self) -> MemberRow:
        """What a member entry says of this county (ledger/governance.py)."""
        return MemberRow(county=self.county, keys=self.keys, cosigners=self._cosigners())

    @property
    def cosigner(self) -> tuple[str, VerifierKey, str]:
        """Whom the policy names: name in the file, key, submission prefix; the auditor where there is one."""
        if self.auditor is not None:
            return f"a{self.county}", self.auditor, f"{self.url}/auditor"
        return f"w{self.county}", self.witness, f"{self.url}/witness"

    def _cosigners(self) -> dict[str, str | None]:
        """Give the vkeys in the order in which a member entry and this file write them."""
        auditor = {} if self.auditor is None else {"auditor": self.auditor.vkey()}
        return {"witness": self.witness.vkey(), **auditor}

    @classmethod
    def parse(cls, data: bytes) -> MemberFile:
        """Read a member file of at most 64 KiB. Raises Malformed."""
        obj = closed(parse_json(data, max_bytes=_MAX_BYTES), "member file", _MEMBERS, _OPTIONAL, code="bad_file")
        county, name, url = text(obj, "county", COUNTY), obj["name"], obj["url"]
        witness = obj["witness"]
        if not isinstance(name, str) or not isinstance(url, str):
            raise Malformed("bad_file", "name and url of a member are texts")
        keys = tuple(_parse_key(row, county) for row in list_of(obj, "keys", maximum=len(USES), code="bad_file"))
        auditor = _parse_cosigner(obj["auditor"]) if "auditor" in obj else None
        return cls(county=county, name=name, url=url, keys=keys, witness=_parse_cosigner(witness), auditor=auditor)

    def text(self) -> bytes:
        """Write the member file, indented for a person, with a final newline."""
        document = {
            "county": self.county,
            "name": self.name,
            "url": self.url,
            "keys": [key.to_json() for key in self.keys],
            **self._cosigners(),
        }
        return json.dumps(document, ensure_ascii=False, indent=2).encode() + b"\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFile:
    """New keys of one county. cosigners: role (`witness`, `auditor`) -> vkey."""

    county: str
    keys: tuple[KeyAddition, ...] = ()
    cosigners: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, data: bytes) -> KeyFile:
        """Read a key file, or a member file of which the keys alone are taken, of at most 64 KiB. Raises Malformed."""
        value = parse_json(data, max_bytes=_MAX_BYTES)
        if isinstance(value, dict) and "url" in value:
            member = MemberFile.parse(data)
            return cls(county=member.county, keys=member.keys)
        obj = closed(value, "key file", frozenset({"county"}), frozenset({"keys", *ROLES}), code="bad_file")
        county = text(obj, "county", COUNTY, code="bad_file")
        rows = list_of(obj, "keys", maximum=len(USES), code="bad_file") if "keys" in obj else []
        keys = tuple(_parse_key(row, county) for row in rows)
        return cls(
            county=county,
            keys=keys,
            cosigners={role: _parse_cosigner(obj[role]).vkey() for role in ROLES if role in obj},
        )

    def text(self) -> bytes:
        """Write the key file, indented for a person, with a final newline."""
        keys = {"keys": [key.to_json() for key in self.keys]} if self.keys else {}
        document = {"county": self.county, **keys, **self.cosigners}
        return json.dumps(document, ensure_ascii=False, indent=2).encode() + b"\n"


def _parse_cosigner(value: JsonValue) -> VerifierKey:
    if not isinstance(value, str):
        raise Malformed("bad_file", "witness and auditor of a member are texts")
    vkey = VerifierKey.parse(value)
    if vkey.kind != COSIGNATURE_ED25519:
        raise Malformed("bad_vkey", "a cosigner's vkey is of type 0x04")
    return vkey


def _parse_key(value: JsonValue, county: str) -> KeyAddition:
    obj = closed(value, "key", _KEY, frozenset({"y"}), code="bad_file")
    kid, alg = text(obj, "kid", KID, code="bad_file"), obj["alg"]
    uses = tuple(use for use in list_of(obj, "uses", maximum=len(USES)) if isinstance(use, str) and use in USES)
    if not isinstance(alg, str) or list(uses) != obj["uses"] or not kid.startswith(f"{county}#"):
        raise Malformed("bad_file", "a key has no alg, an unknown use, or the kid of another county")
    x, y = (b64u_decode(str(obj[name]), size=32) if name in obj else None for name in ("x", "y"))
    return KeyAddition(
        kid=kid, public_key=load_public_key(alg, x or b"", y), uses=uses, valid_from=integer(obj, "from")
    )
