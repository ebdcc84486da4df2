"""What a witness is asked to cosign and must not, and policies that would count a witness twice or nobody at all."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from ledger.encoding import b64_encode
from ledger.transparency.checkpoint import Checkpoint, sign_checkpoint
from ledger.transparency.note import COSIGNATURE_ED25519, NOTE_ED25519, VerifierKey, key_id
from ledger.transparency.proof import format_hashes
from tests.entropy import signer_of
from tests.logbook import LogBook
from tests.small_log import AUDITORS, GENESIS, LOG, ORIGIN, POLICY, issue_at, sealed_log, small_log
from tests.trees import RecursiveTree

__all__ = ["PolicyCase", "WitnessCase", "policy_cases", "witness_cases"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessCase:
    """A request to the witness of 370214, which cosigned `latest` last (empty: nothing), and the status it answers."""

    name: str
    why: str
    request: bytes
    status: int
    latest: bytes = sealed_log()[1]

    def files(self) -> dict[str, bytes]:
        """Make the files of the case's folder."""
        text = json.dumps({"why": self.why, "status": self.status}, ensure_ascii=False, indent=1) + "\n"
        latest = {"latest.note": self.latest} if self.latest else {}
        return {"case.json": text.encode(), "add-checkpoint.request": self.request, **latest}


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyCase:
    """A policy file that no verifier may start with, and the code it is refused with."""

    name: str
    why: str
    policy: bytes
    code: str = "bad_policy"

    def files(self) -> dict[str, bytes]:
        """Make the files of the case's folder."""
        text = json.dumps({"why": self.why, "code": self.code}, ensure_ascii=False, indent=1) + "\n"
        return {"case.json": text.encode(), "policy": self.policy}


def _request(old: int, note: bytes, path: list[bytes] | None = None) -> bytes:
    return b"old %d\n%b\n%b" % (old, format_hashes(path or []), note)


def _fork() -> LogBook:
    """The log from genesis on, with another seal at index 1."""
    book = LogBook(GENESIS, LOG)
    book.add(issue_at(90).partition("~")[0].encode())
    book.close()
    return book


def _growth(book: LogBook) -> list[bytes]:
    return RecursiveTree(book.leaves()).consistency(3, book.size)


def witness_cases() -> Iterator[WitnessCase]:
    """Make the requests that a witness refuses."""

    def case(name: str, why: str, request: bytes, status: int) -> WitnessCase:
        return WitnessCase(name=f"witness_{name}", why=why, request=request, status=status)

    (early, _), (late, late_note) = sealed_log(), small_log()
    fork = _fork()
    yield case(
        "two_views", "Another tree of the size that was cosigned: a split view.", _request(3, fork.checkpoint([])), 422
    )
    fork.add(issue_at(91).partition("~")[0].encode())
    fork.close()
    yield case(
        "two_views_grown", "A proof within the other view.", _request(3, fork.checkpoint([]), _growth(fork)), 422
    )
    yield case(
        "growth_without_proof", "A larger tree, and nothing that says it has grown.", _request(3, late_note), 422
    )
    yield case(
        "growth_from_nothing", "The log acts as if this witness had seen nothing yet.", _request(0, late_note), 409
    )
    older = _signed(Checkpoint(origin=ORIGIN, size=2, root=RecursiveTree(early.leaves()).root(0, 2)))
    yield case("rolled_back", "A smaller tree than the one that was cosigned.", _request(2, older), 409)
    yield case("rolled_back_openly", "A smaller tree, after the size that was cosigned.", _request(3, older), 400)
    empty = _signed(Checkpoint(origin=ORIGIN, size=0, root=bytes(32)))
    yield WitnessCase(name="witness_empty_tree_of_another_root", why="A tree without leaves has one root only.",
                      request=_request(0, empty), status=422, latest=b"")  # fmt: skip
    path = _growth(late)
    yield case("path_of_64_hashes", "A proof longer than any tree is high.", _request(3, late_note, path[:1] * 64), 400)
    signature = late_note.partition(b"\n\n")
    yield case("not_signed_by_the_log", "Cosignatures of others in the place of the log's own signature.",
               _request(3, _without_log(signature[0], signature[2]), path), 403)  # fmt: skip
    root = late.root()
    stranger = sign_checkpoint(Checkpoint(origin=ORIGIN, size=5, root=root), ORIGIN, signer_of("stranger"))
    yield case("signed_by_a_stranger", "The log's name with another key.", _request(3, stranger, path), 403)
    other = sign_checkpoint(Checkpoint(origin="evil.example/ledger", size=5, root=root), "evil.example/ledger", LOG)
    yield case("of_another_origin", "Another log with the same key.", _request(3, other, path), 404)
    damaged = late_note.replace(b"\n5\n", b"\n6\n", 1)
    yield case("size_changed", "The size is not the one that was signed.", _request(3, damaged, path), 403)


def _signed(checkpoint: Checkpoint) -> bytes:
    return sign_checkpoint(checkpoint, ORIGIN, LOG)


def _without_log(text: bytes, lines: bytes) -> bytes:
    return text + b"\n\n" + b"".join(lines.splitlines(keepends=True)[1:])


def policy_cases() -> Iterator[PolicyCase]:
    """Make the policies that are refused."""
    a, b = (VerifierKey.of(AUDITORS[county].name, COSIGNATURE_ED25519, AUDITORS[county].signer).vkey()
            for county in ("370214", "320583"))  # fmt: skip
    log = POLICY.partition(b"\n")[0].decode()

    def case(name: str, why: str, *lines: str) -> PolicyCase:
        return PolicyCase(name=f"policy_{name}", why=why, policy="\n".join([log, *lines, ""]).encode())

    alias = VerifierKey.of("alias.example/auditor", COSIGNATURE_ED25519, AUDITORS["370214"].signer).vkey()
    yield case("one_key_under_two_names", "One witness counts twice.", f"witness a {a}", f"witness b {alias}",
               "group q all a b", "quorum q")  # fmt: skip
    yield case("one_witness_defined_twice", "Which of the two is a?", f"witness a {a}", f"witness a {b}", "quorum a")
    operator = VerifierKey.of(ORIGIN, COSIGNATURE_ED25519, LOG).vkey()
    yield case("log_as_witness", "The operator is its own witness.", f"witness a {operator}", "quorum a")
    yield case("member_of_two_groups", "One witness counts in two groups.", f"witness a {a}", f"witness b {b}",
               "group p any a b", "group q any a", "group r all p q", "quorum r")  # fmt: skip
    yield case("member_twice_in_a_group", "One witness counts twice in a group.", f"witness a {a}", "group q 2 a a",
               "quorum q")  # fmt: skip
    yield case("group_before_its_members", "A reference forward could go in a circle.", "group q any a", f"witness a {a}",
               "quorum q")  # fmt: skip
    yield case(
        "group_of_none", "Zero of its members: satisfied by nobody.", f"witness a {a}", "group q 0 a", "quorum q"
    )
    yield case("more_than_all", "Two of one can never be.", f"witness a {a}", "group q 2 a", "quorum q")
    yield case("without_quorum_line", "Nobody is asked for, by leaving it out.", f"witness a {a}")
    yield case("two_quorums", "Which of the two counts?", f"witness a {a}", f"witness b {b}", "quorum a", "quorum b")
    yield case(
        "witness_named_none", "`none` as a name: the quorum would be nobody.", f"witness none {a}", "quorum none"
    )
    wrong = a.replace(a.split("+")[1], "00000000", 1)
    yield case("vkey_of_another_id", "An ID that its key does not give.", f"witness a {wrong}", "quorum a")
    note = VerifierKey.of(AUDITORS["370214"].name, NOTE_ED25519, AUDITORS["370214"].signer).vkey()
    yield case("note_key_as_witness", "A key whose signatures carry no time.", f"witness a {note}", "quorum a")
    yield case("witness_key_of_small_order", "A key under which one signature fits many checkpoints.",
               f"witness a {_weak_vkey()}", "quorum a")  # fmt: skip


def _weak_vkey() -> str:
    name, weak = "weak.example/auditor", bytes(32)
    text = b64_encode(bytes([COSIGNATURE_ED25519]) + weak)
    return f"{name}+{key_id(name, COSIGNATURE_ED25519, weak).hex()}+{text}"
