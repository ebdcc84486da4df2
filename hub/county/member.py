"""The member file: what a county hands to the alliance, so that genesis can list it. It holds public keys only.

{"county":"370214","name":"青岛市城阳区","url":"http://127.0.0.1:8101",
 "keys":[{"kid":"370214#1","alg":"Ed25519","x":"…","uses":["govern"],"from":1780300800},…],"witness":"<vkey>"}
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ledger.closed import COUNTY, KID, closed, integer, list_of, text
from ledger.encoding import JsonValue, b64u_decode, parse_json
from ledger.errors import Malformed
from ledger.governance import USES, KeyAddition, MemberRow
from ledger.suites import load_public_key
from ledger.transparency.note import COSIGNATURE_ED25519, VerifierKey

if TYPE_CHECKING:
    from hub.county.keys import CountyKeys

__all__ = ["MemberFile"]

_MAX_BYTES: Final = 65_536
_MEMBERS: Final = frozenset({"county", "name", "url", "keys", "witness"})
_KEY: Final = frozenset({"kid", "alg", "x", "uses", "from"})


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberFile:
    """A county's public keys. url: of its node, without a path; the witness answers under `<url>/witness`."""

    county: str
    name: str
    url: str
    keys: tuple[KeyAddition, ...]
    witness: VerifierKey

    @classmethod
    def of(cls, keys: CountyKeys, *, name: str, domain: str, url: str, valid_from: int) -> MemberFile:
        """List the public halves of a county's keys, good from `valid_from`, POSIX seconds."""
        listed = tuple(
            KeyAddition(kid=keys.kid(use), public_key=public_key, uses=(use,), valid_from=valid_from)
            for use, public_key in keys.public_keys().items()
        )
        return cls(county=keys.county, name=name, url=url, keys=listed, witness=keys.witness_key(domain))

    @property
    def row(self) -> MemberRow:
        """What a member entry says of this county (ledger/governance.py)."""
        return MemberRow(county=self.county, keys=self.keys, cosigners={"witness": self.witness.vkey()})

    @property
    def witness_url(self) -> str:
        """The submission prefix of the county's witness, as the policy file names it."""
        return f"{self.url}/witness"

    @classmethod
    def parse(cls, data: bytes) -> MemberFile:
        """Read a member file of at most 64 KiB. Raises Malformed."""
        obj = closed(parse_json(data, max_bytes=_MAX_BYTES), "member file", _MEMBERS, code="bad_file")
        county, name, url = text(obj, "county", COUNTY), obj["name"], obj["url"]
        witness = obj["witness"]
        if not isinstance(name, str) or not isinstance(url, str) or not isinstance(witness, str):
            raise Malformed("bad_file", "name, url and witness of a member are texts")
        keys = tuple(_parse_key(row, county) for row in list_of(obj, "keys", maximum=len(USES), code="bad_file"))
        vkey = VerifierKey.parse(witness)
        if vkey.kind != COSIGNATURE_ED25519:
            raise Malformed("bad_vkey", "witness is no vkey of type 0x04")
        return cls(county=county, name=name, url=url, keys=keys, witness=vkey)

    def text(self) -> bytes:
        """Write the member file, indented for a person, with a final newline."""
        document = {
            "county": self.county,
            "name": self.name,
            "url": self.url,
            "keys": [key.to_json() for key in self.keys],
            "witness": self.witness.vkey(),
        }
        return json.dumps(document, ensure_ascii=False, indent=2).encode() + b"\n"


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
