"""The witness over HTTP: the exact status codes of tlog-witness, and no way back, by a race or a restart."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Final

import httpx2
import pytest
from starlette.applications import Starlette

from hub.county.witness import Witness, WitnessStore, cosigner_routes, log_keys
from ledger.errors import NotVerified
from ledger.transparency.checkpoint import Checkpoint, sign_checkpoint, verify_cosignature
from ledger.transparency.merkle import consistency_path, leaf_hash, root_of
from ledger.transparency.note import COSIGNATURE_ED25519, NOTE_ED25519, Note, VerifierKey
from ledger.transparency.policy import Policy
from ledger.transparency.witness import AddCheckpoint, Decision
from tests.disk_faults import change_behind
from tests.entropy import signer_of
from tests.ports import FakeClock

ORIGIN: Final = "hub.example/ledger"
NAME: Final = "370214.tongban.example/witness"
LOG, STRANGER, SIGNER = signer_of("log"), signer_of("stranger"), signer_of("witness")
KEY: Final = VerifierKey.of(NAME, COSIGNATURE_ED25519, SIGNER)
POLICY: Final = Policy.parse(
    f"log {VerifierKey.of(ORIGIN, NOTE_ED25519, LOG).vkey()}\nwitness w {KEY.vkey()}\nquorum w\n".encode()
)
LEAVES: Final = [leaf_hash(b"%d" % number) for number in range(64)]
FORK: Final = [leaf_hash(b"fork %d" % number) for number in range(64)]
LATEST: Final = f"/witness/{hashlib.sha256(ORIGIN.encode()).hexdigest()}/checkpoint"
NOW: Final = 1_780_304_400


def _note(size: int, *, leaves: list[bytes] = LEAVES, origin: str = ORIGIN, root: bytes | None = None) -> bytes:
    checkpoint = Checkpoint(origin=origin, size=size, root=root or root_of(leaves[:size]))
    return sign_checkpoint(checkpoint, origin, LOG)


def _request(old: int, size: int, *, leaves: list[bytes] = LEAVES, note: bytes | None = None) -> bytes:
    def read(level: int, index: int) -> bytes:
        return root_of(leaves[index << level : (index + 1) << level])

    path = tuple(consistency_path(old, size, read)) if 0 < old < size else ()
    return AddCheckpoint.of(old, path, note or _note(size, leaves=leaves)).format()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[WitnessStore]:
    opened = WitnessStore(tmp_path / "witness.sqlite")
    yield opened
    opened.close()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOW)


def _witness(store: WitnessStore, clock: FakeClock) -> Witness:
    return Witness(store, logs=log_keys(POLICY), name=NAME, signer=SIGNER, clock=clock)


@pytest.fixture
async def client(store: WitnessStore, clock: FakeClock) -> AsyncIterator[httpx2.AsyncClient]:
    app = Starlette(routes=cosigner_routes("/witness", _witness(store, clock)))
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://node") as opened:
        yield opened


async def _add(client: httpx2.AsyncClient, body: bytes) -> httpx2.Response:
    return await client.post("/witness/add-checkpoint", content=body)


def _time(answer: httpx2.Response, note: bytes) -> int:
    (line,) = Note.parse(Note.parse(note).text + b"\n" + answer.content).signatures
    return verify_cosignature(Note.parse(note).text, line, KEY)


async def test_growth_is_cosigned_and_served(client: httpx2.AsyncClient) -> None:
    assert (await client.get(LATEST)).status_code == 404
    for old, size in ((0, 3), (3, 7), (7, 64)):
        answer = await _add(client, _request(old, size))
        assert answer.status_code == 200
        assert _time(answer, _note(size)) == NOW
        served = await client.get(LATEST)
        log, witness = Note.parse(served.content).signatures
        assert (log.name, witness.line()) == (ORIGIN, answer.content)
        assert served.headers["content-type"] == "text/plain; charset=utf-8"


async def test_a_wrong_old_size_is_told_the_right_one(client: httpx2.AsyncClient) -> None:
    await _add(client, _request(0, 7))
    for body in (_request(0, 9), _request(3, 9), _request(8, 9)):
        answer = await _add(client, body)
        assert (answer.status_code, answer.content) == (409, b"7\n")
        assert answer.headers["content-type"] == "text/x.tlog.size"


async def test_the_same_checkpoint_again_is_a_heartbeat_whose_time_never_goes_back(
    client: httpx2.AsyncClient, clock: FakeClock
) -> None:
    await _add(client, _request(0, 7))
    times = []
    for step in (60, -3600, 10, 7200):
        clock.advance(step)
        times.append(_time(await _add(client, _request(7, 7)), _note(7)))
    assert times == [NOW + 60, NOW + 60, NOW + 60, NOW + 60 - 3600 + 10 + 7200]


BAD_PROOF: Final = _request(3, 9).replace(b"old 3\n", b"old 7\n")
CASES: Final[dict[str, tuple[bytes, int]]] = {
    "empty": (b"", 400),
    "no text": (b"\xff\xfe", 400),
    "no old line": (_request(7, 9)[4:], 400),
    "old with a leading zero": (_request(7, 9).replace(b"old 7", b"old 07"), 400),
    "checkpoint cut off": (_request(7, 9)[:-20], 400),
    "old above size": (_request(9, 7), 400),
    "extension line": (_request(7, 9).replace(b"\n9\n", b"\n9\nx\n"), 400),
    "unknown origin": (_request(0, 3, note=_note(3, origin="other.example/log")), 404),
    "signed by a stranger": (
        _request(7, 9, note=sign_checkpoint(Checkpoint(origin=ORIGIN, size=9, root=root_of(LEAVES[:9])), ORIGIN, STRANGER)),
        403,
    ),
    "signature of another checkpoint": (_request(7, 9).replace(b"\n9\n", b"\n10\n"), 403),
    "consistency proof fails": (BAD_PROOF, 422),
    "same size, another root": (_request(7, 7, leaves=FORK), 422),
    "history rewritten": (_request(7, 9, leaves=FORK), 422),
    "proof missing": (_request(7, 9).replace(_request(7, 9).split(b"\n\n", 1)[0], b"old 7"), 422),
    "too large": (_request(7, 9) + b"x" * 300_000, 413),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
async def test_a_request_that_must_fail_has_its_status_and_changes_nothing(
    client: httpx2.AsyncClient, case: str
) -> None:
    await _add(client, _request(0, 7))
    before = (await client.get(LATEST)).content
    body, status = CASES[case]
    assert (await _add(client, body)).status_code == status
    assert (await client.get(LATEST)).content == before


async def test_a_refused_request_that_the_log_signed_is_kept_as_evidence_once(
    client: httpx2.AsyncClient, store: WitnessStore
) -> None:
    await _add(client, _request(0, 7))
    for _ in range(2):
        await _add(client, _request(7, 9, leaves=FORK))
    await _add(client, CASES["signed by a stranger"][0])
    assert [each.request.format() for each in store.offers()] == [_request(7, 9, leaves=FORK)]


async def test_the_empty_tree_is_cosigned(client: httpx2.AsyncClient) -> None:
    assert (await _add(client, _request(0, 0))).status_code == 200
    assert (await _add(client, _request(0, 0, note=_note(0, root=bytes(32))))).status_code == 422
    assert (await _add(client, _request(0, 5))).status_code == 200


def test_racing_requests_never_roll_the_witness_back(tmp_path: Path, clock: FakeClock) -> None:
    """Many requests at once, over two connections as two processes have them: sizes only grow, and each step once."""
    stores = [WitnessStore(tmp_path / "race.sqlite") for _ in range(2)]
    witnesses = [_witness(each, clock) for each in stores]
    steps = [(old, size) for old in range(16) for size in range(old + 1, 17)]

    def ask(number: int) -> tuple[tuple[int, int], Decision]:
        step = steps[(number * 37) % len(steps)]
        return step, witnesses[number % 2].add_checkpoint(_request(*step))

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(4 * len(steps))))
    cosigned = sorted(step for step, decision in answers if decision.status == 200)
    assert {decision.status for _, decision in answers} <= {200, 409}
    assert cosigned[0][0] == 0
    assert all(first[1] == second[0] for first, second in pairwise(cosigned))
    latest = stores[0].latest(LATEST.removeprefix("/witness/"))
    assert latest is not None
    assert latest.size == cosigned[-1][1]
    for each in stores:
        each.close()


def test_what_was_cosigned_is_remembered_over_a_restart(tmp_path: Path, clock: FakeClock) -> None:
    first = WitnessStore(tmp_path / "w.sqlite")
    assert _witness(first, clock).add_checkpoint(_request(0, 9)).status == 200
    first.close()
    second = WitnessStore(tmp_path / "w.sqlite")
    answer = _witness(second, clock).add_checkpoint(_request(0, 3))
    assert (answer.status, answer.body) == (409, b"9\n")
    second.close()


@pytest.mark.parametrize(
    "change",
    ["size = 3", "root = zeroblob(32)", "time = time + 86400", "note = x'00'", "path = replace(path, '/', '0/')"],
)
def test_a_changed_checkpoint_is_nothing_to_go_on_from(tmp_path: Path, clock: FakeClock, change: str) -> None:
    """It would be led back, sign a time to come, or not know that log any more."""
    path = tmp_path / "w.sqlite"
    with closing(WitnessStore(path)) as store:
        assert _witness(store, clock).add_checkpoint(_request(0, 9)).status == 200
    change_behind(path, f"UPDATE latest SET {change}")  # noqa: S608  # literals above
    with pytest.raises(NotVerified, match="corrupt_store"):
        WitnessStore(path)
