"""What the witnesses have seen of the log: asked at start, before the hub signs anything.

    GET <submission prefix>/<hex H(origin)>/checkpoint           c2sp.org/tlog-witness@v1.0.0

A store that was restored from an old copy is sound in itself, and lacks entries that were acknowledged. Whatever a hub
signed upon it would be a second history, and prove to anyone that this log forks. So it looks first, and does not start
when a witness has cosigned more than the store holds, or another tree.

Where a witness shows another tree than the store's, both are signed by the log's own key: the two checkpoints, with the
store's path between them, prove the fork to anyone. They are written to `fork-evidence.json` before the start fails.

A sighting counts only under the log's own signature: no witness can keep a hub from starting with a size of its own
making. One that does not answer, or knows of no checkpoint, says nothing: this finds a mistake. What keeps a second
history from a quorum, whoever makes it, is that no witness cosigns one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import httpx2
import structlog

from hub.answers import read_answer
from ledger.errors import NotVerified, TongbanError
from ledger.transparency.checkpoint import Checkpoint, verify_checkpoint
from ledger.transparency.evidence import ForkEvidence
from ledger.transparency.note import Keyring, Note, keyring
from ledger.transparency.witness import monitoring_path

if TYPE_CHECKING:
    from ledger.transparency.policy import Policy, PolicyWitness
    from ledger.transparency.sequencer import Pending

__all__ = ["OwnLog", "check_sightings"]

_MAX_NOTE: Final = 64 * 1024

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnLog:
    """What the store says. newest: its last signed note. root_at: root of any size up to that.

    path_from: from such a size to the newest, as fork evidence carries it.
    """

    newest: Pending
    root_at: Callable[[int], Awaitable[bytes]]
    path_from: Callable[[int], Awaitable[Sequence[bytes]]]


async def check_sightings(
    policy: Policy,
    http: httpx2.AsyncClient,
    own: OwnLog,
    *,
    keep: Callable[[ForkEvidence], None],
    timeout_s: float,
) -> None:
    """Ask all witnesses at once. keep: is given proof of a fork, if one is found.

    Raises NotVerified corrupt_store: a witness cosigned a checkpoint by this log that the store does not lead to.
    """
    size = own.newest.size
    keys = keyring(log.key for log in policy.logs)
    origin = own.newest.checkpoint.origin
    asked = [_sighting(each, http, origin, keys, timeout_s) for each in policy.witnesses if each.url is not None]
    for name, note, seen in await asyncio.gather(*asked):
        if seen is None or seen.size == 0:
            continue
        if seen.size > size:
            why = f"witness {name} has cosigned {seen.size} entries, the store ends at {size}: it is an old copy"
            raise NotVerified("corrupt_store", why)
        if seen.root != await own.root_at(seen.size):
            await _keep_evidence(note, seen.size, own, keys, keep)
            raise NotVerified("corrupt_store", f"witness {name} has cosigned another tree of {seen.size} entries")


async def _keep_evidence(
    note: bytes, size: int, own: OwnLog, keys: Keyring, keep: Callable[[ForkEvidence], None]
) -> None:
    """Put both signed checkpoints side by side, with the store's path between them."""
    path = await own.path_from(size) if size < own.newest.size else ()
    evidence = ForkEvidence(a=note, b=own.newest.note, path=tuple(path))
    try:
        reason = evidence.prove(keys)
    except TongbanError:
        return  # it proves nothing: nothing is kept
    _log.critical("log_forked", reason=reason)
    keep(evidence.cut(keys))


async def _sighting(
    witness: PolicyWitness, http: httpx2.AsyncClient, origin: str, keys: Keyring, timeout_s: float
) -> tuple[str, bytes, Checkpoint | None]:
    url = f"{witness.url}/{monitoring_path(origin)}"
    try:
        async with asyncio.timeout(timeout_s):
            note = await _read(http, url)
        seen = None if note is None else verify_checkpoint(Note.parse(note), keys).checkpoint
    except Exception as error:  # noqa: BLE001  # nothing that a witness does, or its URL is, may stop the log
        code = error.code if isinstance(error, TongbanError) else type(error).__name__
        _log.warning("witness_not_asked", witness=witness.name, code=code)
        return witness.name, b"", None
    return witness.name, note or b"", seen if seen is not None and seen.origin == origin else None


async def _read(http: httpx2.AsyncClient, url: str) -> bytes | None:
    async with http.stream("GET", url) as response:
        return await read_answer(response, _MAX_NOTE) if response.status_code == 200 else None
