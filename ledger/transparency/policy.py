"""Policy file: which logs a verifier accepts, and which witnesses must have cosigned.

    log hub.example/ledger+e2440450+AW/y… https://hub.example/ledger         log <vkey> [<url>]
    witness sd1 370214.example/auditor+436138c1+BMF2… https://a.example/     witness <name> <vkey> [<url>]
    group shandong 2 sd1 sd2 sd3                                             group <name> all|any|<k> <member>...
    group alliance 3 shandong hebei jiangsu zhejiang
    quorum alliance                                                          quorum <name>|none

One definition a line, words separated by spaces or tabs; empty lines and lines that start with `#` are passed over.
Every name is defined before it is used, and is member of one group at most, so the groups are trees. Stricter than the
C2SP text in one point: no witness has the public key of a log, because a hub that may be its own witness witnesses
nothing. With `quorum none` a policy is read, but no checkpoint ever satisfies it.

Source: c2sp.org/tlog-policy (draft).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from ledger.encoding import parse_decimal
from ledger.errors import Malformed, NotVerified
from ledger.transparency.note import (
    COSIGNATURE_ED25519,
    COSIGNATURE_ML_DSA_44,
    NOTE_ED25519,
    Keyring,
    VerifierKey,
    keyring,
)
from ledger.transparency.quorums import fewest

__all__ = ["AHEAD_S", "MAX_POLICY_BYTES", "Group", "Missing", "Policy", "PolicyLog", "PolicyWitness"]

MAX_POLICY_BYTES: Final = 64 * 1024
_MAX_OF_A_KIND: Final = 256
AHEAD_S: Final = 300  # a cosignature from further in the future does not count

_FORBIDDEN: Final = re.compile(rb"[^\t\n\x20-\x7e\x80-\xff]")
_BLANKS: Final = re.compile(r"[ \t]+")
_NONE: Final = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyLog:
    """A log that is accepted: its origin is the name of its key. url: its prefix, without a final slash, if known."""

    key: VerifierKey
    url: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyWitness:
    """A witness under the name that groups use. url: its submission prefix, without a final slash, if known."""

    name: str
    key: VerifierKey
    url: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Satisfied by `threshold` (1..n) of its n members, which are witnesses and groups."""

    name: str
    threshold: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """A part of the quorum that is not satisfied: `held` of the `needed`, and which members did not cosign."""

    group: str
    needed: int
    held: int
    lacking: tuple[str, ...]

    def __str__(self) -> str:
        return f"{_shown(self.group)} has {self.held} of {self.needed} (without {', '.join(map(_shown, self.lacking))})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A policy that was read and found sound.

    groups: in the order of the file, members before the groups that hold them. quorum: name of a witness or group,
    None for `quorum none`. keys: all logs and witnesses, as `verify_checkpoint` takes them.

    shared: the fewest witnesses that two quorums have in common; 0 means that two disjoint quorums exist, so that a
    split view needs no dishonest witness: warn. block: the fewest witnesses whose silence prevents every quorum. Both 0
    for `quorum none`.
    """

    logs: tuple[PolicyLog, ...]
    witnesses: tuple[PolicyWitness, ...]
    groups: tuple[Group, ...]
    quorum: str | None
    keys: Keyring = field(repr=False)
    shared: int
    block: int

    @classmethod
    def parse(cls, data: bytes) -> Policy:
        """Read a policy file of at most 64 KiB and 256 lines of each kind. Raises Malformed too_large, bad_policy."""
        if len(data) > MAX_POLICY_BYTES:
            raise Malformed("too_large", f"policy has {len(data)} bytes, at most {MAX_POLICY_BYTES} are read")
        if _FORBIDDEN.search(data):
            raise Malformed("bad_policy", "policy holds a control character")
        draft = _Draft()
        # Names are opaque bytes: what is no UTF-8 survives as surrogates, and equal text means equal bytes.
        for number, line in enumerate(data.decode("utf-8", "surrogateescape").split("\n"), start=1):
            words = _BLANKS.split(line.strip(" \t"))
            if words[0] and not words[0].startswith("#"):
                draft.read(words, number)
        return draft.policy()

    def quorum_time(self, cosignatures: Mapping[VerifierKey, int], now: int) -> int:
        """Return T: since when, in POSIX seconds, a quorum has held the checkpoint to be the largest.

        cosignatures: verified, key -> time; foreign keys and times after now + 300 s do not count. Taken newest first
        until the quorum is satisfied; T is the time of the last one taken. Raises NotVerified no_quorum, saying which
        groups lack what.
        """
        quorum = self._newest_quorum(cosignatures, now)
        return min(cosignatures[witness.key] for witness in quorum)

    def minimal(self, cosignatures: Mapping[VerifierKey, int], now: int | None = None) -> tuple[VerifierKey, ...]:
        """Choose a quorum that no key can be left out of, the newest ones, in the order of the policy.

        The oldest are dropped first while the rest still satisfies the quorum. now: None if the times are known not to
        lie in the future. Raises NotVerified no_quorum.
        """
        quorum = self._newest_quorum(cosignatures, max(cosignatures.values(), default=0) if now is None else now)
        names = [witness.name for witness in quorum]
        for name in reversed(names.copy()):
            rest = [other for other in names if other != name]
            if self._is_satisfied(rest):
                names = rest
        return tuple(witness.key for witness in self.witnesses if witness.name in names)

    def missing(self, cosignatures: Collection[VerifierKey]) -> tuple[Missing, ...]:
        """Say what the quorum lacks, outer groups first; empty when it is satisfied (or is `none`)."""
        if self.quorum is None:
            return ()
        held = self._held(witness.name for witness in self.witnesses if witness.key in cosignatures)
        if self.quorum in held:
            return ()
        groups = {group.name: group for group in self.groups}
        if self.quorum not in groups:
            return (Missing(group=self.quorum, needed=1, held=0, lacking=(self.quorum,)),)
        missing: list[Missing] = []
        unsatisfied = [self.quorum]
        for name in unsatisfied:  # grows while it is walked
            group = groups[name]
            without = tuple(member for member in group.members if member not in held)
            count = len(group.members) - len(without)
            missing.append(Missing(group=name, needed=group.threshold, held=count, lacking=without))
            unsatisfied += [member for member in without if member in groups]
        return tuple(missing)

    def _newest_quorum(self, cosignatures: Mapping[VerifierKey, int], now: int) -> list[PolicyWitness]:
        """Take the newest cosigners until they make a quorum; in order, newest first, then as in the policy."""
        times = {key: time for key, time in cosignatures.items() if time <= now + AHEAD_S}
        counted = [witness for witness in self.witnesses if witness.key in times]
        counted.sort(key=lambda witness: -times[witness.key])
        for taken in range(1, len(counted) + 1):
            if self._is_satisfied(witness.name for witness in counted[:taken]):
                return counted[:taken]
        if self.quorum is None:
            raise NotVerified("no_quorum", "the policy asks for no quorum, so none is reached")
        reasons = "; ".join(map(str, self.missing([witness.key for witness in counted])))
        ahead = len(cosignatures.keys() & {witness.key for witness in self.witnesses}) - len(counted)
        clock = f"; {ahead} lie more than {AHEAD_S} s in the future: check the clock" if ahead else ""
        raise NotVerified("no_quorum", f"no quorum: {reasons}{clock}")

    def _is_satisfied(self, names: Iterable[str]) -> bool:
        return self.quorum in self._held(names)

    def _held(self, names: Iterable[str]) -> set[str]:
        """Names of witnesses, and of all groups that they satisfy."""
        held = set(names)
        for group in self.groups:
            if sum(member in held for member in group.members) >= group.threshold:
                held.add(group.name)
        return held


class _Draft:
    """A policy while its lines are read."""

    def __init__(self) -> None:
        self._logs: list[PolicyLog] = []
        self._witnesses: list[PolicyWitness] = []
        self._groups: list[Group] = []
        self._quorum: list[str] = []
        self._names: set[str] = {_NONE}  # defined; `none` can be neither defined nor a member
        self._free: set[str] = set()  # defined, and member of no group yet
        self._public_keys: set[bytes] = set()

    def read(self, words: list[str], number: int) -> None:
        """Read one line. Raises Malformed bad_policy, with the number of the line."""
        readers = {"log": self._log, "witness": self._witness, "group": self._group, "quorum": self._quorum_line}
        try:
            readers.get(words[0], _refuse_line)(words[1:])
        except Malformed as error:
            raise Malformed("bad_policy", f"line {number}: {error.message}") from error

    def policy(self) -> Policy:
        """Return what was read. Raises Malformed bad_policy: no quorum line, or too many lines of a kind."""
        if len(self._quorum) != 1:
            raise Malformed("bad_policy", "expected exactly one quorum line")
        if max(len(self._logs), len(self._witnesses), len(self._groups)) > _MAX_OF_A_KIND:
            raise Malformed("bad_policy", f"policy has more than {_MAX_OF_A_KIND} lines of one kind")
        quorum = None if self._quorum[0] == _NONE else self._quorum[0]
        shared, block = fewest(self._groups, quorum)
        return Policy(
            logs=tuple(self._logs),
            witnesses=tuple(self._witnesses),
            groups=tuple(self._groups),
            quorum=quorum,
            keys=keyring([*(log.key for log in self._logs), *(witness.key for witness in self._witnesses)]),
            shared=shared,
            block=block,
        )

    def _log(self, words: list[str]) -> None:
        if not 1 <= len(words) <= 2:
            raise Malformed("bad_policy", "expected log <vkey> [<url>]")
        self._logs.append(PolicyLog(key=self._key(words[0], NOTE_ED25519), url=_url(words[1:])))

    def _witness(self, words: list[str]) -> None:
        if not 2 <= len(words) <= 3:
            raise Malformed("bad_policy", "expected witness <name> <vkey> [<url>]")
        self._define(words[0])
        key = self._key(words[1], COSIGNATURE_ED25519, COSIGNATURE_ML_DSA_44)
        self._witnesses.append(PolicyWitness(name=words[0], key=key, url=_url(words[2:])))

    def _group(self, words: list[str]) -> None:
        if len(words) < 3:
            raise Malformed("bad_policy", "expected group <name> all|any|<k> <member>...")
        name, rule, *members = words
        for member in members:
            if member not in self._free:
                raise Malformed("bad_policy", f"{_shown(member)} is not defined above, or is already in a group")
            self._free.remove(member)
        self._define(name)
        threshold = {"all": len(members), "any": 1}.get(rule) or parse_decimal(rule, maximum=len(members))
        if threshold == 0:
            raise Malformed("bad_policy", "a group needs at least one of its members")
        self._groups.append(Group(name=name, threshold=threshold, members=tuple(members)))

    def _quorum_line(self, words: list[str]) -> None:
        if len(words) != 1 or words[0] not in self._names:
            raise Malformed("bad_policy", "expected quorum and a name that is defined above, or none")
        self._quorum.append(words[0])

    def _define(self, name: str) -> None:
        if name in self._names:
            raise Malformed("bad_policy", f"{_shown(name)} is defined twice, or is the word none")
        self._names.add(name)
        self._free.add(name)

    def _key(self, vkey: str, *kinds: int) -> VerifierKey:
        key = VerifierKey.parse(vkey)
        if key.kind not in kinds:
            raise Malformed("bad_policy", f"key has type {key.kind}, which is not for this use")
        if key.public_key in self._public_keys:
            # Under two names one dishonest witness would count twice.
            raise Malformed("bad_policy", "one public key stands under two names")
        self._public_keys.add(key.public_key)
        return key


def _refuse_line(_words: list[str]) -> None:
    raise Malformed("bad_policy", "expected log, witness, group or quorum")


def _url(words: list[str]) -> str | None:
    return words[0].rstrip("/") if words else None


def _shown(name: str) -> str:
    """Make opaque bytes of a name fit for a message."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
