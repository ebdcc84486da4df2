"""Proofs that do not prove: the log, its witnesses, the tree, heads, keys, and status tiles."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from ledger.encoding import b64_encode
from ledger.governance import MemberRow
from ledger.matterlist import ListChange, MatterChange
from ledger.transparency.checkpoint import Checkpoint, cosign, sign_checkpoint, with_cosignatures
from ledger.transparency.note import Note
from ledger.verdict import Outcome
from tests.cases.case import TIMES, Case, edited, later_receipt, receipt, reseal
from tests.cases.seals import list_entry, member_entry, receipt_of
from tests.entropy import signer_of
from tests.logbook import LogBook
from tests.small_log import (
    AUDITORS,
    COUNTIES,
    GENESIS,
    LOG,
    ORIGIN,
    POLICY,
    SEALED,
    T0,
    issue_at,
    revocation,
    sealed_log,
)

__all__ = ["cases"]

SEAL: Final = SEALED.partition("~")[0].encode()
LATE: Final = T0 + 3700
EARLY_PARTS: Final = json.loads(receipt)
LATE_PARTS: Final = json.loads(later_receipt)


def cases() -> Iterator[Case]:
    """Make the cases of steps 3 to 7 and 11."""
    yield from _logs()
    yield from _quorums()
    yield from _inclusions()
    yield from _heads()
    yield from _keys()
    yield from _lists()
    yield from _status_proofs()


def _case(name: str, why: str, data: bytes, step: int, code: str, **given: Any) -> Case:
    return Case(name=name, why=why, receipt=data, step=step, code=code, **given)


def _lines(note: bytes) -> list[bytes]:
    """The signature lines: log, auditor of 320583, auditor of 370214."""
    return note.partition(b"\n\n")[2].splitlines(keepends=True)


def _with_lines(*wanted: int, more: bytes = b"") -> bytes:
    def change(note: bytes) -> bytes:
        lines = _lines(note)
        return note.partition(b"\n\n")[0] + b"\n\n" + b"".join(lines[number] for number in wanted) + more

    return edited(lambda d: reseal(d, change))


def _noted(*, origin: str = ORIGIN, log: Any = LOG, size: int = 3, extra: str = "") -> bytes:
    """The early receipt under a checkpoint that was signed anew, cosigned by both auditors."""
    book, _ = sealed_log()
    text = Checkpoint(origin=origin, size=size, root=book.root()).text() + extra.encode()
    note = Note.parse(sign_checkpoint(Checkpoint(origin=origin, size=size, root=book.root()), origin, log))
    signature = note.signatures[0]
    if extra:
        signature = type(signature)(name=origin, key_id=signature.key_id, blob=log.sign(text))
    lines = [cosign(text, auditor.name, auditor.signer, time) for auditor, time in TIMES.values()]
    whole = with_cosignatures(Note(text=text, signatures=(signature,)), lines).format()
    return edited(lambda d: reseal(d, lambda _: whole))


def _logs() -> Iterator[Case]:
    yield _case("log_of_another_key", "A log under the right name, signed by another key.",
                _noted(log=signer_of("other log")), 3, "bad_signature")  # fmt: skip
    yield _case("log_of_another_origin", "Another log with the same key.", _noted(origin="evil.example/ledger"), 3,
                "bad_signature")  # fmt: skip
    yield _case("log_signature_missing", "Witnesses alone make no checkpoint.", _with_lines(1, 2), 3, "bad_signature")
    extended = _noted(extra="status 00\n")
    yield _case("extension_line", "A fourth line that no witness reads.", extended, 1, "malformed")
    damaged = _lines(EARLY_PARTS["proof"].encode().partition(b"\n\n")[2])[1].replace(b"AAAABqHTx4", b"AAAABqHTx5")
    yield _case("cosignature_time_changed", "The time of a cosignature moved forward.", _with_lines(0, 2, more=damaged), 3,
                "bad_signature")  # fmt: skip
    replayed = b"".join(_lines(LATE_PARTS["proof"].encode().partition(b"\n\n")[2])[1:])
    yield _case("cosignature_of_another_tree", "Fresh cosignatures of a later tree under the early checkpoint.",
                _with_lines(0, more=replayed), 3, "bad_signature")  # fmt: skip
    no_time = edited(lambda d: reseal(d, lambda note: note.replace(b"NsXjigAAAABqHTx4", b"NsXjigAAAAAAAAAA")))
    yield _case("cosignature_without_time", "Time 0 is no time.", no_time, 3, "bad_signature")


def _quorums() -> Iterator[Case]:
    def unwitnessed(name: str, why: str, data: bytes, **given: Any) -> Case:
        return _case(name, why, data, 4, "no_quorum", outcome=Outcome.UNWITNESSED, **given)

    yield unwitnessed("no_witness", "Signed by the log alone.", _with_lines(0))
    yield unwitnessed("one_witness_missing", "One of the two auditors.", _with_lines(0, 2))
    yield unwitnessed("one_witness_twice", "One auditor's line two times.", _with_lines(0, 2, 2))
    text = EARLY_PARTS["proof"].encode().partition(b"\n\n")[2].partition(b"\n\n")[0] + b"\n"
    alias = cosign(text, AUDITORS["320583"].name, AUDITORS["370214"].signer, T0 + 121).line()
    yield unwitnessed("one_witness_under_two_names", "One key signs under the name of the other auditor.",
                      _with_lines(0, 2, more=alias))  # fmt: skip
    operator = cosign(text, AUDITORS["320583"].name, LOG, T0 + 121).line()
    yield unwitnessed("log_as_witness", "The operator cosigns for itself.", _with_lines(0, 2, more=operator))
    ahead = cosign(text, AUDITORS["320583"].name, AUDITORS["320583"].signer, T0 + 451).line()
    yield unwitnessed("cosignature_in_the_future", "A witness whose time is more than 300 s ahead.",
                      _with_lines(0, 2, more=ahead))  # fmt: skip
    yield unwitnessed("clock_before_the_log", "A verifier whose clock went back.", receipt, now=T0 - 3600)
    yield unwitnessed("policy_without_quorum", "A policy that asks for nobody.", receipt,
                      policy=POLICY.replace(b"quorum q", b"quorum none"))  # fmt: skip
    yield unwitnessed(
        "split_view", "A tree without the revocation, that one dishonest auditor cosigned late.", _fork(), now=LATE
    )


def _fork() -> bytes:
    book, _ = sealed_log()
    book.add(_another_seal())
    book.close()
    return book.receipt(1, SEALED, book.checkpoint([(AUDITORS["370214"], T0 + 3661)]))


def _another_seal() -> bytes:
    return issue_at(T0 + 90).partition("~")[0].encode()


def _inclusions() -> Iterator[Case]:
    def case(name: str, why: str, edit: Any, of: bytes = receipt) -> Case:
        return _case(name, why, edited(edit, of), 5, "bad_inclusion", now=T0 + 150 if of == receipt else LATE)

    def proof(old: str, new: str) -> Any:
        return lambda d: d.update(proof=d["proof"].replace(old, new, 1))

    first = EARLY_PARTS["proof"].split("\n")[2]
    yield case("index_off_by_one", "The place of a neighbour.", proof("index 1\n", "index 0\n"))
    yield case("index_of_the_head", "The place of the last leaf.", proof("index 1\n", "index 2\n"))
    yield case("index_beyond_the_tree", "A place that the tree has not.", proof("index 1\n", "index 3\n"))
    yield case("path_truncated", "A path that ends below the root.", proof(first + "\n", ""))
    yield case("path_extended", "A path that goes on above the root.", proof(first + "\n", first + "\n" + first + "\n"))
    yield case("path_of_another_size", "A true path, to the root of another tree.",
               lambda d: d.update(proof=_path_of(EARLY_PARTS, d)), later_receipt)  # fmt: skip
    other = _another_seal().decode() + "~"
    yield case(
        "seal_not_in_the_log", "A true seal of the county that never was in the log.", lambda d: d.update(sd_jwt=other)
    )
    smaller = _noted(size=2)
    yield _case(
        "tree_truncated", "A checkpoint that gives the same root for a smaller tree.", smaller, 5, "bad_inclusion"
    )


def _path_of(early: dict[str, str], late: dict[str, str]) -> str:
    return early["proof"].partition("\n\n")[0] + "\n\n" + late["proof"].partition("\n\n")[2]


def _heads() -> Iterator[Case]:
    def case(name: str, why: str, data: bytes, code: str, now: int = T0 + 150) -> Case:
        return _case(name, why, data, 6, code, now=now)

    def closed_with(head: bytes) -> bytes:
        book = LogBook(GENESIS, LOG)
        book.add(SEAL)
        book.close(head)
        return book.receipt(1, SEALED, book.checkpoint(list(TIMES.values())))

    book = LogBook(GENESIS, LOG)
    book.add(SEAL)
    yield case("stale_head", "The head of a smaller tree, from before the revocation.",
               edited(lambda d: d.update(head=EARLY_PARTS["head"]), later_receipt), "bad_head", LATE)  # fmt: skip
    yield case("head_outside_the_tree", "A head that the log signed and did not log.",
               edited(lambda d: d["head"].update(jws=book.head(root=bytes(32)).decode())), "bad_inclusion")  # fmt: skip
    yield case(
        "head_of_fewer_entries", "A last leaf that covers less than the tree.", closed_with(book.head(n=1)), "bad_head"
    )
    county = LogBook(GENESIS, COUNTIES["370214"])
    county.add(SEAL)
    yield case(
        "head_by_a_county", "A head that the log's key did not sign.", closed_with(county.head()), "bad_signature"
    )
    yield case("seal_as_head", "A last leaf that is no head.", closed_with(_another_seal()), "unknown_typ")
    swapped = edited(lambda d: d["head"].update(path=[d["proof"].split("\n")[2]]))
    yield case("head_path_of_the_seal", "The path of another leaf.", swapped, "bad_inclusion")


def _keys() -> Iterator[Case]:
    log = LogBook(GENESIS, LOG)
    change = member_entry(log, MemberRow(county="370214", cosigners={"auditor": None}))
    data = receipt_of(SEAL, after=[change])

    def brought(*keys: tuple[int, bytes]) -> bytes:
        rows = [{"index": index, "entry": entry.decode()} for index, entry in keys]
        return edited(lambda d: d.update(keys=rows) if rows else d.pop("keys"), data)

    yield _case(
        "key_change_left_out",
        "A key change that the receipt hides.",
        brought(),
        7,
        "keys_behind",
        outcome=Outcome.STALE,
    )
    alone = member_entry(
        log, MemberRow(county="370214", cosigners={"auditor": None}), signers={"370214": COUNTIES["370214"]}
    )
    yield _case(
        "key_change_by_one_member", "One member decides where two must.", brought((2, alone)), 7, "not_enough_signers"
    )
    yield _case(
        "key_change_of_another_state", "A key change taken twice.", brought((1, change), (2, change)), 7, "stale_prev"
    )
    yield _case("key_change_above_the_head", "A key change that the tree does not hold.", brought((2, change), (9, change)),
                7, "bad_head")  # fmt: skip
    yield _case("key_change_is_a_seal", "A key entry that is none.", brought((2, SEAL)), 7, "unknown_typ")
    forged = json.loads(change)
    forged["signatures"][0]["signature"] = forged["signatures"][1]["signature"]
    damaged = json.dumps(forged, separators=(",", ":")).encode()
    yield _case("key_change_with_a_wrong_signature", "One of two signatures is not over it.", brought((2, damaged)), 7,
                "bad_signature")  # fmt: skip
    yield _case("key_change_not_the_known_one", "Another entry than the verifier has at that index.", data, 7,
                "bad_consistency", known_keys=((2, damaged),))  # fmt: skip


def _lists() -> Iterator[Case]:
    """The key state holds the alliance's list of matters: what members cannot have changed, no verifier takes."""
    code, book = "001001001000", LogBook(GENESIS, LOG)
    begun = list_entry(book, ListChange(begin=(code,)))
    book.add(begun)
    data = receipt_of(SEAL, after=[begun, issue_at(T0 + 45).partition("~")[0].encode()])

    def brought(act: str, since: str = "2026-07-01", matter: str = code) -> bytes:
        name = {} if act == "remove" else {"mode": "全程网办", "name": "设立登记"}
        change = MatterChange(act=act, code=matter, since=since, **name)
        rows = [begun, list_entry(book, ListChange(changes=(change,)))]
        keys = [{"index": index, "entry": entry.decode()} for index, entry in enumerate(rows, start=2)]
        return edited(lambda d: d.update(keys=keys), data)

    yield _case("matter_of_a_past_day", "A change of the list from a day on that may be over when the log takes it.",
                brought("change", "2026-06-01"), 7, "past_day")  # fmt: skip
    yield _case("matter_added_twice", "A matter is added that is on the list.", brought("add"), 7, "already_listed")
    yield _case("matter_not_on_the_list", "A matter is removed that is not on the list.",
                brought("remove", matter="001001002000"), 7, "not_listed")  # fmt: skip


def _status_proofs() -> Iterator[Case]:
    def case(name: str, why: str, data: bytes, now: int = LATE) -> Case:
        return _case(name, why, data, 11, "bad_status_proof", now=now)

    clean = b64_encode(bytes(64))
    yield case("status_of_another_size", "The status tile from before the revocation.",
               edited(lambda d: d.update(status=EARLY_PARTS["status"]), later_receipt))  # fmt: skip
    yield case(
        "status_tile_cleared",
        "The revocation wiped out.",
        edited(lambda d: d["status"].update(tile=clean), later_receipt),
    )
    yield case("status_path_too_long", "A path above the status root.",
               edited(lambda d: d["status"].update(path=[clean[:43] + "="]), later_receipt))  # fmt: skip
    book = LogBook(GENESIS, LOG)
    book.add(SEAL)
    for number in range(300):
        book.append(b"%d" % number)
    book.add(revocation(book))
    book.close()
    note = book.checkpoint([(auditor, LATE - 30) for auditor, _ in TIMES.values()])
    tile, path = book.covered.proof(300)
    other = {"tile": b64_encode(tile), "path": [b64_encode(node) for node in path]}
    yield case("status_of_another_index", "A true tile with its true path, for other entries.",
               edited(lambda d: d.update(status=other), book.receipt(1, SEALED, note)))  # fmt: skip
