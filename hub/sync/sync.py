"""`tongban sync`: a verifier's folder brought up to the newest checkpoint; nothing is replaced before all of it holds.

    checkpoint -> signed by the policy's log -> grown from the one held -> head, statuses, keys, landmarks -> folder

What a log sends is checked as `ledger.sync_files` says, and against what is held: an older checkpoint is refused;
another root at the same size is a fork; growth is proved by a consistency path made from the log's hash tiles. A fork,
or growth that is not proved, leaves `fork-evidence.json` beside the folder, and the folder as it was.

Policy and genesis are the verifier's own, given at the first sync and kept. When the members have named another policy
file, that is said and its digest given; it is never taken over by itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from itertools import pairwise
from typing import Final

from hub.logclient import HttpLog
from hub.progress import Progress, silent
from hub.sync.evidence import MAX_FILES, keep_evidence
from hub.sync.folder import SyncFolder, read_sync
from hub.sync.tree import LogTree
from ledger.deflated import inflate
from ledger.encoding import JsonValue, b64u_decode, parse_json
from ledger.errors import Conflict, Malformed, NotVerified, TongbanError, Unavailable
from ledger.landmarks import Growth, format_growth, format_landmarks, parse_growth, parse_landmarks, prove_landmarks
from ledger.status import Status
from ledger.status_list import statuses_of
from ledger.sync import SyncedLog
from ledger.sync_files import MAX_STATUS_BYTES, SYNC_FILES, SyncFiles, format_keys, parse_keys
from ledger.transparency.checkpoint import Checkpoint
from ledger.transparency.evidence import ForkEvidence
from ledger.transparency.merkle import verify_consistency
from ledger.transparency.store import Landmark

__all__ = ["SyncReport", "fetch_status_list", "synchronise"]

_ATTEMPTS: Final = 5  # as often as the log may move while it is read
_MAX_TOKEN: Final = 24 * 1024 * 1024
_NEEDED: Final = ("policy", "genesis", "checkpoint")


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncReport:
    """What a sync brought. before, time_before: size and T of what was held; None at the first sync.

    counts: entries that are revoked, suspended, superseded, by that name. status_bytes: of the list as it was sent.
    policy_named: SHA-256 (hex) of the policy file that the members have named, if it is not the pinned one.
    """

    origin: str
    size: int
    before: int | None
    time: int
    time_before: int | None
    counts: Mapping[str, int]
    counts_before: Mapping[str, int]
    status_bytes: int
    array_bytes: int
    landmarks: int
    key_entries: int
    policy_named: str | None

    def to_json(self) -> dict[str, JsonValue]:
        """Give the report as JSON members."""
        return {
            "origin": self.origin,
            "size": self.size,
            "before": self.before,
            "time": self.time,
            "time_before": self.time_before,
            "statuses": dict(self.counts),
            "statuses_before": dict(self.counts_before),
            "status_bytes": self.status_bytes,
            "array_bytes": self.array_bytes,
            "landmarks": self.landmarks,
            "key_entries": self.key_entries,
            "policy_named": self.policy_named,
        }


def synchronise(
    folder: SyncFolder,
    log: HttpLog,
    *,
    policy: bytes | None,
    genesis: bytes | None,
    now: int,
    progress: Progress = silent,
) -> SyncReport:
    """Bring a folder up to the log's newest checkpoint.

    policy, genesis: pinned by the caller; None: those that the folder holds. A new policy takes the held one's place.
    Raises Malformed; NotVerified (a part does not hold; bad_consistency: a fork, or growth that is not proved);
    Conflict log_changed (an older checkpoint, another genesis); Unavailable.
    """
    with folder.locked():
        held = folder.held()
        if missing := [name for name in _NEEDED if held and name not in held]:
            raise Malformed("bad_file", f"the folder lacks {', '.join(missing)}: sync into a new one")
        trusted, root = policy or held.get("policy"), genesis or held.get("genesis")
        if trusted is None or root is None:
            raise Malformed("bad_setting", "the first sync needs --policy and --genesis, from one whom you trust")
        if held and held["genesis"] != root:
            raise Conflict("log_changed", "the folder is of another log: its genesis is another one")
        files = {**held, "policy": trusted, "genesis": root}
        return _Sync(folder, log, files, first=not held, now=now, progress=progress).run()


def fetch_status_list(folder: SyncFolder, log: HttpLog) -> bytes:
    """Fetch the hub's status list for wallets, if it says what the folder's witnessed statuses say.

    Its signature is for wallets to check, by the JWK set of the hub. Raises NotVerified bad_status_proof: another list,
    or one of a newer checkpoint (sync again); Malformed, Unavailable.
    """
    token = log.need("statuslist", _MAX_TOKEN)
    parts = token.split(b".")
    if len(parts) != 3 or not token.isascii():
        raise Malformed("bad_encoding", "expected a status list as compact JWS")
    claims = parse_json(b64u_decode(parts[1].decode("ascii")), max_bytes=_MAX_TOKEN)
    held = inflate(read_sync(folder.path).status, max_bytes=MAX_STATUS_BYTES)
    if not isinstance(claims, dict) or statuses_of(claims) != held:
        raise NotVerified("bad_status_proof", "the status list is not that of the synced checkpoint")
    return token


class _Sync:
    """One sync under the folder's lock. held: its files by name, with the policy and genesis that count."""

    def __init__(
        self, folder: SyncFolder, log: HttpLog, held: dict[str, bytes], *, first: bool, now: int, progress: Progress
    ) -> None:
        self._folder: Final = folder
        self._log: Final = log
        self._held: Final = held
        self._first: Final = first
        self._now: Final = now
        self._progress: Final = progress
        self._pinned: Final = SyncFiles.of(dict.fromkeys(SYNC_FILES, b"") | {n: held[n] for n in ("policy", "genesis")})
        self._verifier: Final = self._pinned.verifier()

    def run(self) -> SyncReport:
        """Fetch until the parts are of one size, then check, compare, replace."""
        for _ in range(_ATTEMPTS):
            note = self._log.need("checkpoint", SYNC_FILES["checkpoint"])
            checkpoint = self._verifier.anchor.checkpoint(note).checkpoint
            tree = LogTree(self._log.tiles(checkpoint.size), self._progress)
            self._check_growth(note, checkpoint, tree)
            files = self._fetched(note, checkpoint)
            if files is None:
                continue
            try:
                synced = files.check(self._verifier, now=self._now)
            except TongbanError:
                if self._log.need("checkpoint", SYNC_FILES["checkpoint"]) != note:
                    continue  # the log moved, and its server gives the newest of everything
                raise
            return self._replaced(files, synced, tree)
        raise Unavailable("not_ready", "the log moves faster than it is read: try again")

    @cached_property
    def _held_checkpoint(self) -> Checkpoint | None:
        if self._first:
            return None
        try:
            return self._verifier.anchor.checkpoint(self._held["checkpoint"]).checkpoint
        except TongbanError as error:
            why = f"the checkpoint held does not hold ({error.code}): sync into a new folder"
            raise Malformed("bad_file", why) from error

    def _check_growth(self, note: bytes, new: Checkpoint, tree: LogTree) -> None:
        old = self._held_checkpoint
        if old is None:
            return
        if new.size < old.size:
            raise Conflict("log_changed", f"the log shows {new.size} entries, {old.size} are synced already")
        path = () if new.size == old.size else tree.growth(old.size, new.size)
        try:
            verify_consistency(old.size, new.size, old.root, new.root, path)
        except NotVerified as error:
            proof = () if new.size == old.size else tree.evidence(old.size, new.size)
            evidence = ForkEvidence(a=self._held["checkpoint"], b=note, path=proof)
            raise NotVerified("bad_consistency", f"{error.message}: {self._kept(evidence)}") from error

    def _kept(self, evidence: ForkEvidence) -> str:
        """Write evidence beside the folder, and say where."""
        beside = self._folder.path.absolute().parent
        place = keep_evidence(beside, evidence, self._verifier.anchor.policy.keys)
        if place is None:
            return f"the evidence is left out: {beside} holds {MAX_FILES} files of it, or takes none"
        return f"the evidence is {place}"

    def _fetched(self, note: bytes, checkpoint: Checkpoint) -> SyncFiles | None:
        """Fetch all parts at the checkpoint's size; None: the log has moved."""
        size = checkpoint.size
        try:
            head = self._log.at("head", size, SYNC_FILES["head.json"])
            status = self._log.at("status.zlib", size, SYNC_FILES["status.zlib"])
        except Conflict:
            return None
        if head is None or status is None:
            return None
        rows = parse_keys(self._log.need("keys?from=0", SYNC_FILES["keys.json"]))
        keys = format_keys([(index, raw) for index, raw in rows if index < size - 1])
        return replace(self._pinned, keys=keys, checkpoint=note, head=head, status=status)

    def _replaced(self, files: SyncFiles, synced: SyncedLog, tree: LogTree) -> SyncReport:
        before = self._before()
        if before is not None and synced.checkpoint == before.checkpoint and synced.time < before.time:
            # A mirror that lags by a heartbeat: what is held is newer.
            files, synced = replace(files, checkpoint=self._held["checkpoint"]), before
        landmarks, growth = self._landmarks(synced.checkpoint, tree)
        files = replace(files, landmarks=format_landmarks(landmarks), growth=format_growth(growth))
        files.check(self._verifier, now=self._now)
        self._folder.replace(files)
        return self._report(files, synced, before, len(landmarks))

    def _landmarks(self, checkpoint: Checkpoint, tree: LogTree) -> tuple[tuple[Landmark, ...], tuple[Growth, ...]]:
        """Take the log's landmarks and those held before: what is proved to lead to the checkpoint."""
        listed = parse_landmarks(self._log.need("landmarks", SYNC_FILES["landmarks"]))
        held, growth = self._held_landmarks()
        rows = {row.size: row for row in (*listed, *held) if 0 < row.size <= checkpoint.size}
        sizes = sorted(rows)
        known = {(step.old, step.new) for step in growth}
        tree.prepare(step for step in pairwise([*sizes, checkpoint.size]) if step not in known)
        return prove_landmarks([rows[size] for size in sizes], checkpoint, growth, tree.growth)

    def _held_landmarks(self) -> tuple[Sequence[Landmark], Sequence[Growth]]:
        try:
            return parse_landmarks(self._held["landmarks"]), parse_growth(self._held["growth"])
        except (KeyError, Malformed):  # damaged, or not there: made again
            return (), ()

    def _before(self) -> SyncedLog | None:
        """Read what is held, as far as it still holds."""
        try:
            held = SyncFiles.of(self._held)
            return held.check(self._verifier, now=self._now)
        except TongbanError:
            return None

    def _report(self, files: SyncFiles, synced: SyncedLog, before: SyncedLog | None, landmarks: int) -> SyncReport:
        named = synced.keys.state.documents.get("policy")
        return SyncReport(
            origin=synced.checkpoint.origin,
            size=synced.checkpoint.size,
            before=None if self._held_checkpoint is None else self._held_checkpoint.size,
            time=synced.time,
            time_before=None if before is None else before.time,
            counts=_counts(synced),
            counts_before={} if before is None else _counts(before),
            status_bytes=len(files.status),
            array_bytes=len(inflate(files.status, max_bytes=MAX_STATUS_BYTES)),
            landmarks=landmarks,
            key_entries=len(synced.key_entries),
            policy_named=None if named in {None, sha256(files.policy).digest()} else (named or b"").hex(),
        )


def _counts(synced: SyncedLog) -> dict[str, int]:
    bytes_of = Counter(synced.statuses.to_bytes())
    return {
        status.name.lower(): sum(
            count * sum(byte >> shift & 3 == status for shift in (0, 2, 4, 6)) for byte, count in bytes_of.items()
        )
        for status in Status
        if status is not Status.VALID
    }
