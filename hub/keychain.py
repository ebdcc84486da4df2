"""The chain of member and rule entries from the pinned genesis on: read from a log, kept in a folder, never shortened.

    keys.json   [{"index":812,"entry":"…"},…]     as `GET <log>/keys` serves it; the genesis (index 0) may stand first

The log's word counts for nothing: every entry is checked from the pinned genesis on, and the state that they give is
the one that a witnessed status head binds, so none is left out. What a folder keeps was checked so when it was written.
A folder that a county, a hub or a sync has made serves: it holds `genesis`, `policy` and, from the first change on,
`keys.json`.
"""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ledger.anchor import KeyEntries
from ledger.closed import closed, integer, list_of
from ledger.encoding import JsonValue, b64_decode, canonical_json, parse_json
from ledger.entries import MemberChange, parse_entry
from ledger.errors import Malformed, NotVerified, Unavailable
from ledger.members import KeyState, follow_chain
from ledger.transparency.merkle import HASH_BYTES

if TYPE_CHECKING:
    from hub.logclient import LogClient
    from ledger.anchor import TrustAnchor

__all__ = ["FolderChain", "KeyChain", "fetch_chain", "parse_key_entries", "replace_file"]

MAX_KEYS_BYTES: Final = 16 * 1024 * 1024
_MAX_GENESIS_BYTES: Final = 65_536
_MAX_ENTRIES: Final = 65_536
_KEY: Final = frozenset({"index", "entry"})
_HEAD: Final = frozenset({"jws", "path"})


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyChain:
    """A checked chain. entries: (log index, entry) after the genesis, ascending. state: what they add up to.

    size: the log indexes below it hold no other change. time: when a quorum said so, POSIX seconds; None: read from a
    folder, which may be behind.
    """

    entries: KeyEntries
    state: KeyState
    size: int
    time: int | None = None

    @classmethod
    def follow(cls, genesis: bytes, entries: KeyEntries) -> KeyChain:
        """Check entries from the genesis on. Raises Malformed, NotVerified, Conflict as ledger.members.follow_chain."""
        first = parse_entry(genesis)
        if not isinstance(first, MemberChange):
            raise Malformed("unknown_typ", "genesis is no member entry")
        state = follow_chain(KeyState.genesis(first), entries)
        return cls(entries=entries, state=state, size=entries[-1][0] + 1 if entries else 1)

    def text(self) -> bytes:
        """Write keys.json, with a final newline."""
        return canonical_json([{"index": index, "entry": raw.decode("ascii")} for index, raw in self.entries]) + b"\n"


def parse_key_entries(data: bytes) -> KeyEntries:
    """Read keys.json or the log's answer, at most 16 MiB; the genesis at index 0 is left out. Raises Malformed."""
    rows = list_of({"keys": parse_json(data, max_bytes=MAX_KEYS_BYTES)}, "keys", maximum=_MAX_ENTRIES, code="bad_file")
    entries = tuple(_key_entry(row) for row in rows)
    indexes = [index for index, _ in entries]
    if indexes != sorted(set(indexes)):
        raise Malformed("bad_file", "key entries are not ascending by index")
    return entries[1:] if indexes[:1] == [0] else entries


def _key_entry(row: JsonValue) -> tuple[int, bytes]:
    obj = closed(row, "key entry", _KEY, code="bad_file")
    entry = obj["entry"]
    if not isinstance(entry, str) or not entry.isascii():
        raise Malformed("bad_file", "a key entry is ASCII text")
    return integer(obj, "index"), entry.encode("ascii")


async def fetch_chain(log: LogClient, anchor: TrustAnchor, known: KeyChain, now: int) -> KeyChain:
    """Ask a log for the changes after those known, and check the whole against its newest witnessed head.

    Raises Unavailable no_log, NotVerified no_quorum, bad_signature, keys_behind (the log left an entry out),
    bad_consistency (it does not hold what is known here, or is older), Malformed, Conflict.
    """
    note = await log.get("checkpoint")
    signed = anchor.checkpoint(note)
    time = anchor.quorum_time(note, now)
    jws, path = _head(await log.get(f"head?size={signed.checkpoint.size}"))
    head = anchor.head(note, jws, path)
    if head.n < known.size:
        raise NotVerified("bad_consistency", f"the log shows {head.n} entries, {known.size} are known here")
    brought = parse_key_entries(await log.get(f"keys?from={known.size}"))
    entries = (*known.entries, *(each for each in brought if each[0] < head.n))
    bound = anchor.bound_keys(head, signed.checkpoint.origin, (), dict(entries))
    return KeyChain(entries=entries, state=bound.state, size=head.n, time=time)


def _head(data: bytes) -> tuple[bytes, tuple[bytes, ...]]:
    obj = closed(parse_json(data, max_bytes=_MAX_GENESIS_BYTES), "head", _HEAD)
    path = tuple(b64_decode(str(node), size=HASH_BYTES) for node in list_of(obj, "path", maximum=63))
    return str(obj["jws"]).encode(), path


class FolderChain:
    """The chain that a folder keeps, checked again when another process has replaced the file. Thread-safe."""

    def __init__(self, data: Path) -> None:
        self._data: Final = data
        self._lock: Final = threading.Lock()
        self._seen: tuple[int, ...] | None = None
        self._chain: KeyChain | None = None

    def chain(self) -> KeyChain:
        """Give the chain as the folder has it. Raises Unavailable not_ready (no genesis), Malformed, NotVerified."""
        seen = _identity(self._data / "keys.json")
        with self._lock:
            if self._chain is None or seen != self._seen:
                self._chain, self._seen = self._read(), seen
            return self._chain

    def founded(self) -> KeyChain | None:
        """Give the chain, or None while the folder has no genesis yet."""
        return self.chain() if self._chain is not None or (self._data / "genesis").exists() else None

    def _read(self) -> KeyChain:
        genesis = _read(self._data / "genesis", _MAX_GENESIS_BYTES)
        if genesis is None:
            raise Unavailable("not_ready", "the file genesis is not in the data folder yet")
        rows = _read(self._data / "keys.json", MAX_KEYS_BYTES)
        return KeyChain.follow(genesis, () if rows is None else parse_key_entries(rows))

    def keep(self, chain: KeyChain) -> bool:
        """Put a chain into the folder if it is longer than the one there, on disk when this returns; tell whether.

        Raises NotVerified bad_consistency: it is another chain than the folder's.
        """
        held = self.chain().entries
        if chain.entries[: len(held)] != held:
            raise NotVerified("bad_consistency", "the chain of keys is not the one known here, grown")
        if len(chain.entries) == len(held):
            return False
        replace_file(self._data / "keys.json", chain.text())
        return True


def _identity(path: Path) -> tuple[int, ...]:
    with suppress(OSError):
        found = path.stat()
        return found.st_ino, found.st_mtime_ns, found.st_size
    return ()


def _read(path: Path, max_bytes: int) -> bytes | None:
    try:
        with path.open("rb") as file:
            data = file.read(max_bytes + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Malformed("bad_file", f"cannot read {path.name}: {error.strerror}") from error
    if len(data) > max_bytes:
        raise Malformed("too_large", f"{path.name} has more than {max_bytes} bytes")
    return data


def replace_file(path: Path, data: bytes) -> None:
    """Put a file in the place of another one, whole and on disk when this returns."""
    # Every process writes its own new file: of two that do so at once, each leaves a whole one.
    new = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    with new.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
