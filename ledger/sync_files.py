"""Sync folder: what a verifier takes along into the field. Eight files of one size of the log; each is checked.

    policy        as pinned: which log, which witnesses                                                 64 KiB
    genesis       as pinned: first entry of the log                                                     16 KiB
    keys.json     [{"index":0,"entry":"…"},…]                     genesis, member and rule entries       4 MiB
    checkpoint    the note, with every cosignature known                                               256 KiB
    head.json     {"jws":"<head entry>","path":["<b64>",…]}       its last leaf, inclusion at size - 1  32 KiB
    status.zlib   zlib of the status array, ceil((size - 1) / 4) bytes                                  16 MiB
    landmarks     <YYYY-MM-DD> <size> <b64 root>                  roots of earlier trees               320 KiB
    growth        <old size> <new size> <b64 path>                proof from each of them to the next   11 MiB

All but the last are what the log serves, cut to one size. `policy` and `genesis` are the verifier's own: nothing that
a log sends replaces them. With these two pinned from elsewhere no byte of the folder need be believed: the log signed
the checkpoint, a quorum cosigned it, and all the rest follows from it.

    files = SyncFiles.of({name: …})                       files.open(now=now).verify(receipt, now=now, max_age=86_400)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Final

from ledger.closed import closed, integer, list_of
from ledger.deflated import inflate
from ledger.encoding import JsonValue, b64_encode, canonical_json, parse_canonical_json
from ledger.errors import Malformed, NotVerified
from ledger.jws import MAX_ENTRY_BYTES
from ledger.landmarks import MAX_GROWTH_BYTES, MAX_LANDMARKS_BYTES, check_landmarks, parse_growth, parse_landmarks
from ledger.qr_verifier import FieldVerifier
from ledger.sync import SyncedLog, check_sync
from ledger.transparency.merkle import MAX_PATH
from ledger.transparency.note import MAX_NOTE_BYTES
from ledger.transparency.policy import MAX_POLICY_BYTES
from ledger.transparency.proof import parse_hashes
from ledger.verifier import Verifier

__all__ = ["MAX_STATUS_BYTES", "SYNC_FILES", "SyncFiles", "format_head", "format_keys", "parse_head", "parse_keys"]

MAX_STATUS_BYTES: Final = 64 * 1024 * 1024  # inflated: 256 million entries
_MAX_KEYS: Final = 4096
_CODE: Final = "bad_file"

SYNC_FILES: Final[Mapping[str, int]] = MappingProxyType(
    {
        "policy": MAX_POLICY_BYTES,
        "genesis": MAX_ENTRY_BYTES,
        "keys.json": 4 * 1024 * 1024,
        "checkpoint": MAX_NOTE_BYTES,
        "head.json": 32 * 1024,
        "status.zlib": 16 * 1024 * 1024,
        "landmarks": MAX_LANDMARKS_BYTES,
        "growth": MAX_GROWTH_BYTES,
    }
)
"""Name of each file -> most bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncFiles:
    """The files of a folder, as bytes, in the order of SYNC_FILES; nothing about them is checked before `open`."""

    policy: bytes
    genesis: bytes
    keys: bytes
    checkpoint: bytes
    head: bytes
    status: bytes
    landmarks: bytes
    growth: bytes

    @classmethod
    def of(cls, files: Mapping[str, bytes]) -> SyncFiles:
        """Take files by their names. Raises Malformed bad_file (one is missing), too_large."""
        if missing := SYNC_FILES.keys() - files.keys():
            raise Malformed(_CODE, f"the sync folder has no {', '.join(sorted(missing))}")
        for name, most in SYNC_FILES.items():
            if len(files[name]) > most:
                raise Malformed("too_large", f"{name} has more than {most} bytes")
        return cls(**{each.name: files[name] for each, name in zip(fields(cls), SYNC_FILES, strict=True)})

    def named(self) -> dict[str, bytes]:
        """Give the files by their names."""
        return {name: getattr(self, each.name) for each, name in zip(fields(self), SYNC_FILES, strict=True)}

    def open(self, *, now: int) -> FieldVerifier:
        """Check every file, and give the verifier that rests on them. now: POSIX seconds.

        Raises Malformed, NotVerified, Conflict.
        """
        verifier = self.verifier()
        return FieldVerifier(verifier, self.check(verifier, now=now))

    def verifier(self) -> Verifier:
        """Give the verifier of this policy and genesis. Raises Malformed, NotVerified, Conflict."""
        return Verifier.of_files(self.policy, self.genesis)

    def check(self, verifier: Verifier, *, now: int) -> SyncedLog:
        """Check every file but the two that are pinned. Raises Malformed, NotVerified, Conflict."""
        (first, genesis), *keys = parse_keys(self.keys)
        if first != 0 or genesis != self.genesis:
            raise NotVerified("bad_head", "keys.json does not begin with the pinned genesis", index=0)
        head, path = parse_head(self.head)
        statuses = inflate(self.status, max_bytes=MAX_STATUS_BYTES)
        synced = check_sync(verifier.anchor, self.checkpoint, head, path, statuses, keys=keys, now=now)
        if keys and keys[-1][0] >= synced.size:
            raise NotVerified("bad_head", "a key entry is not below the head", index=keys[-1][0])
        landmarks, growth = parse_landmarks(self.landmarks), parse_growth(self.growth)
        return synced.with_roots(check_landmarks(landmarks, growth, synced.checkpoint))


def parse_head(data: bytes) -> tuple[bytes, tuple[bytes, ...]]:
    """Read `head.json`: the head entry, and its inclusion path from the sibling up. Raises Malformed."""
    obj = _ordered(parse_canonical_json(data, max_bytes=SYNC_FILES["head.json"]), "head", _HEAD)
    lines = [_text(line, "a hash") for line in list_of(obj, "path", maximum=MAX_PATH, code=_CODE)]
    return _text(obj["jws"], "jws"), parse_hashes(lines)


def parse_keys(data: bytes) -> list[tuple[int, bytes]]:
    """Read `keys.json`: index and exact bytes of 1..4,096 entries, ascending. Raises Malformed."""
    value = parse_canonical_json(data, max_bytes=SYNC_FILES["keys.json"])
    rows = [_key(row) for row in list_of({"keys": value}, "keys", maximum=_MAX_KEYS, code=_CODE)]
    indexes = [index for index, _ in rows]
    if not rows or indexes != sorted(set(indexes)):
        raise Malformed(_CODE, "keys are empty, or not ascending by index")
    return rows


def _key(row: JsonValue) -> tuple[int, bytes]:
    obj = _ordered(row, "key entry", _KEY)
    return integer(obj, "index"), _text(obj["entry"], "entry")


def _ordered(value: JsonValue, what: str, names: tuple[str, ...]) -> dict[str, JsonValue]:
    obj = closed(value, what, frozenset(names), code=_CODE)
    if (*obj,) != names:
        raise Malformed(_CODE, f"members of {what} are not in their order")
    return obj


def format_keys(rows: list[tuple[int, bytes]]) -> bytes:
    """Write `keys.json`."""
    return canonical_json([{"index": index, "entry": entry.decode("ascii")} for index, entry in rows])


def format_head(jws: bytes, path: tuple[bytes, ...]) -> bytes:
    """Write `head.json`."""
    return canonical_json({"jws": jws.decode("ascii"), "path": [b64_encode(node) for node in path]})


def _text(value: JsonValue, what: str) -> bytes:
    if not isinstance(value, str):
        raise Malformed(_CODE, f"{what} is no text")
    return value.encode("utf-8", "surrogatepass")


_HEAD: Final = ("jws", "path")
_KEY: Final = ("index", "entry")
