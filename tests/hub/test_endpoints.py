"""The log's paths and the submission over HTTP, against a running registry and journal."""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request

from hub.endpoints import health_routes, submission_routes
from hub.journal.access import AccessJournal
from hub.journal.intake import RecordIntake
from hub.journal.writer import JournalWriter, create_journal
from hub.log.ledgerfile import create_ledger
from hub.log.registry import LedgerRegistry, RegistryLimits
from hub.log.routes import log_routes
from ledger.encoding import b64_decode, b64u_encode
from ledger.entries import build_status
from ledger.errors import Refused
from ledger.status import Status, StatusArray
from ledger.transparency.checkpoint import Checkpoint
from ledger.transparency.merkle import leaf_hash, root_of, verify_consistency, verify_inclusion
from ledger.transparency.note import Note
from ledger.transparency.policy import Policy
from ledger.transparency.proof import TlogProof, parse_hashes
from ledger.transparency.tiles import decode_bundle, encode_bundle, tile_paths
from ledger.verdict import Outcome
from ledger.verifier import verify
from schema.access import ANONYMOUS, Principal
from schema.context import Access
from tests.offerings import LISTED
from tests.sequenced import LOG_KEY, seals
from tests.small_log import COUNTIES, GENESIS, LOG, T0
from tests.witnesses import Witnesses

NOW = T0 + 3600
MEMBER = {"Authorization": "Bearer member"}
BUNDLE = {"Content-Type": "application/octet-stream"}
JOSE = {"Content-Type": "application/jose"}
PRINCIPALS = {
    "Bearer member": Principal(county="370214", scopes=frozenset({"ledger.entries"})),
    "Bearer other": Principal(county="370214", scopes=frozenset({"license.read"})),
}


def principal_of(request: Request) -> Principal:
    header = request.headers.get("authorization")
    if header is None:
        return ANONYMOUS
    if header not in PRINCIPALS:
        raise Refused("token_required", "no such token")
    return PRINCIPALS[header]


class Hub:
    """The parts under test and a client."""

    def __init__(self, folder: Path) -> None:
        create_ledger(folder / "ledger.sqlite", GENESIS, LOG)
        create_journal(folder / "journal.sqlite")
        self.witnesses = Witnesses(3, LOG_KEY, now=NOW)
        self.policy = Policy.parse(self.witnesses.policy(2))
        self.journal = JournalWriter(folder / "journal.sqlite")
        self.witness_http = self.witnesses.client()
        self.registry = LedgerRegistry(
            folder / "ledger.sqlite",
            signer=LOG,
            policy=self.policy,
            journal=lambda: (self.journal.head.n, self.journal.head.root),
            clock=lambda: NOW, http=self.witness_http,
            limits=RegistryLimits(wait_s=60, witness_s=60, sighting_s=60),
        )  # fmt: skip
        self.faults: dict[str, str | None] = {"graph": None}
        log, pool = self.registry, self.registry.file.checks
        intake = RecordIntake(self.journal, log, listed=LISTED, pool=pool, clock=lambda: NOW)
        app = Starlette(
            routes=[
                *log_routes(log, self.journal, principal_of=principal_of, documents={"policy": b"a policy"}),
                *submission_routes(log, intake, body_timeout_s=0.2),
                *health_routes({"graph": lambda: self.faults["graph"]}),
            ]
        )
        self.http = httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://hub")

    async def start(self) -> None:
        await self.journal.start()
        await self.registry.start()

    async def stop(self) -> None:
        await self.http.aclose()
        await self.registry.stop()
        await self.journal.stop()
        await self.witness_http.aclose()

    async def submit(self, entries: list[bytes], *, wait: bool = True) -> list[dict[str, Any]]:
        path = f"/ledger/entries{'?wait=receipt' if wait else ''}"
        answer = await self.http.post(path, content=encode_bundle(entries), headers=BUNDLE)
        assert answer.status_code in {200, 202}
        results: list[dict[str, Any]] = answer.json()
        return results

    async def get(self, path: str, **headers: str) -> httpx2.Response:
        return await self.http.get(f"/ledger/{path}", headers=headers)


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[Hub]:
    hub = Hub(tmp_path)
    await hub.start()
    yield hub
    await hub.stop()


def checkpoint(note: bytes) -> Checkpoint:
    return Checkpoint.parse(Note.parse(note).text)


def code(answer: httpx2.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


async def test_a_single_seal_comes_back_with_its_receipt(hub: Hub) -> None:
    raw = seals(1)[0]
    answer = await hub.http.post("/ledger/entries?wait=receipt", content=raw, headers=JOSE)
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    body = answer.json()
    assert list(body) == ["index", "leaf", "state", "receipt"]
    assert (body["index"], body["leaf"], body["state"]) == (2, b64u_encode(leaf_hash(raw)), "witnessed")
    verdict = verify(body["receipt"].encode(), policy=hub.policy, genesis=GENESIS, now=NOW + 5, max_age=60)
    assert verdict.outcome is Outcome.VALID


async def test_an_entry_that_only_waits_for_its_commit_is_accepted(hub: Hub) -> None:
    hub.witnesses.down = set(hub.witnesses.names)
    answer = await hub.http.post("/ledger/entries", content=seals(1)[0], headers=JOSE)
    assert (answer.status_code, answer.json()["state"]) == (202, "sequenced")


async def test_a_bundle_comes_back_in_order_faults_included(hub: Hub) -> None:
    first, second = seals(2)
    results = await hub.submit([first, b"x", second, first])
    assert [result.get("index") for result in results] == [2, None, 3, 2]
    assert results[1] == {"error": {"code": "bad_encoding", "message": results[1]["error"]["message"]}}
    assert results[3] == results[0]


async def test_a_status_entry_comes_back_with_a_proof(hub: Hub) -> None:
    raw = seals(1)[0]
    revoke = build_status(
        of=2,
        leaf=leaf_hash(raw),
        to=Status.REVOKED,
        reason="04",
        iat=T0 + 90,
        kid="370214#1",
        signer=COUNTIES["370214"],
    )
    _, result = await hub.submit([raw, revoke])
    proof = TlogProof.parse(result["proof"].encode())
    tree = checkpoint(proof.checkpoint)
    verify_inclusion(leaf_hash(revoke), result["index"], tree.size, proof.path, tree.root)
    status = StatusArray.from_bytes(zlib.decompress((await hub.get("status.zlib")).content), tree.size - 1)
    assert status.get(2) == Status.REVOKED


@pytest.mark.parametrize(
    ("content", "headers", "path", "expected"),
    [
        (b"x", JOSE, "/ledger/entries", (400, "bad_encoding")),
        (b"x" * 16_385, JOSE, "/ledger/entries", (413, "too_large")),
        (b"x" * 10_000_000, JOSE, "/ledger/entries", (413, "too_large")),
        (bytes(16 * 1024 * 1024 + 1), BUNDLE, "/ledger/entries", (413, "too_large")),
        (encode_bundle([b"x"] * 1001), BUNDLE, "/ledger/entries", (413, "too_large")),
        (b"\x00\x05x", BUNDLE, "/ledger/entries", (400, "bad_encoding")),
        (b"", BUNDLE, "/ledger/entries", (400, "bad_request")),
        (b"x", {"Content-Type": "text/plain"}, "/ledger/entries", (400, "bad_request")),
        (b"x", {}, "/ledger/entries", (400, "bad_request")),
        (b"x", JOSE, "/ledger/entries?wait=yes", (400, "bad_request")),
        (b"x", JOSE, "/ledger/entries?wait=receipt&more=1", (400, "bad_request")),
        (seals(1)[0][:-8] + b"AAAAAAAA", JOSE, "/ledger/entries", (422, "bad_signature")),
        (b"x", JOSE, "/journal/records", (400, "bad_request")),
        (b"", BUNDLE, "/journal/records", (400, "bad_request")),
    ],
)
async def test_bad_submissions_are_refused(
    hub: Hub, content: bytes, headers: dict[str, str], path: str, expected: tuple[int, str]
) -> None:
    assert code(await hub.http.post(path, content=content, headers=headers)) == expected
    assert hub.registry.size == 2


async def test_a_body_that_never_ends_is_cut_off_by_size_and_by_time(hub: Hub) -> None:
    """No Content-Length: the limit holds while it comes; and a client that stops sending does not hold a place."""

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield bytes(65_536)

    async def slow() -> AsyncIterator[bytes]:
        yield b"ey"
        await asyncio.Event().wait()

    assert code(await hub.http.post("/ledger/entries", content=endless(), headers=BUNDLE)) == (413, "too_large")
    assert code(await hub.http.post("/ledger/entries", content=slow(), headers=JOSE)) == (408, "too_slow")


async def test_a_full_queue_says_when_to_come_again(hub: Hub) -> None:
    hub.registry._inside = hub.registry.limits.queue
    answer = await hub.http.post("/ledger/entries", content=seals(1)[0], headers=JOSE)
    assert code(answer) == (503, "pushback")
    assert answer.headers["retry-after"] == "1"
    hub.registry._inside = 0


async def test_the_log_can_be_read_and_checked_by_its_paths_alone(hub: Hub) -> None:
    """Checkpoint, tiles and bundles give the same tree; caches are told how long each lives."""
    await hub.submit(seals(300))
    note = await hub.get("checkpoint")
    assert note.headers["cache-control"] == "max-age=1"
    assert note.headers["content-type"] == "text/plain; charset=utf-8"
    tree = checkpoint(note.content)
    assert tree.size == hub.registry.size
    entries: list[bytes] = []
    leaves = b""
    for path in tile_paths(tree.size):
        tile = await hub.get(path.format())
        assert (tile.status_code, len(tile.content)) == (200, 32 * path.width)
        assert tile.headers["cache-control"] == "max-age=31536000, immutable"
        if path.level == 0:
            leaves += tile.content
            bundle = await hub.get(path.format().replace("tile/0/", "tile/entries/"), **MEMBER)
            assert bundle.headers["cache-control"] == "private, max-age=31536000, immutable"
            entries += decode_bundle(bundle.content)
    assert b"".join(map(leaf_hash, entries)) == leaves
    assert root_of(list(map(leaf_hash, entries))) == tree.root


@pytest.mark.parametrize(
    "path",
    [
        "tile/0/000", "tile/0/000.p/5", "tile/0/001.p/1", "tile/1/000.p/1", "tile/0/0", "tile/0/000.p/0", "tile/0/000.p/256",
        "tile/64/000", "tile/x/000", "tile/0/000.p/04", "tile/0/x000/000", "tile/",
    ],
)  # fmt: skip
async def test_a_tile_that_is_not_there_is_404(hub: Hub, path: str) -> None:
    await hub.submit(seals(1))
    assert (await hub.get(path)).status_code == 404
    assert (await hub.get("tile/0/000.p/4")).status_code == 200


@pytest.mark.parametrize("path", ["tile/entries/000.p/2", "receipt/2", "journal/consistency?from=0&to=0"])
async def test_members_show_a_token(hub: Hub, path: str) -> None:
    await hub.submit(seals(1))
    anonymous = await hub.get(path)
    assert code(anonymous) == (401, "token_required")
    assert "www-authenticate" in anonymous.headers
    assert code(await hub.get(path, Authorization="Bearer stolen")) == (401, "token_required")
    assert code(await hub.get(path, Authorization="Bearer other")) == (403, "members_only")
    assert (await hub.get(path, **MEMBER)).status_code == 200


async def test_a_fresh_receipt_is_given_to_members(hub: Hub) -> None:
    await hub.submit(seals(1))
    answer = await hub.get("receipt/2", **MEMBER)
    assert answer.headers["cache-control"] == "no-store"
    verdict = verify(answer.content, policy=hub.policy, genesis=GENESIS, now=NOW + 5, max_age=60)
    assert verdict.outcome is Outcome.VALID
    assert code(await hub.get("receipt/1", **MEMBER)) == (409, "wrong_target")
    assert code(await hub.get("receipt/x", **MEMBER)) == (400, "bad_number")


async def test_heads_and_statuses_belong_to_a_published_size(hub: Hub) -> None:
    for number in range(3):
        await hub.submit(seals(1, start=number))
    newest = await hub.get("head")
    assert (newest.headers["tlog-size"], newest.headers["cache-control"]) == ("8", "max-age=1")
    document = newest.json()
    path = [b64_decode(line) for line in document["path"]]
    tree = checkpoint((await hub.get("checkpoint")).content)
    verify_inclusion(leaf_hash(document["jws"].encode()), 7, 8, path, tree.root)
    old = await hub.get("head?size=6")
    assert (old.headers["tlog-size"], old.headers["cache-control"]) == ("6", "max-age=31536000, immutable")
    for part in ("head", "status/0", "status.zlib"):
        assert [(await hub.get(f"{part}?size={size}")).status_code for size in (8, 6, 5, 9, 0)] == [
            200,
            200,
            404,
            404,
            404,
        ]
        assert code(await hub.get(f"{part}?size=06")) == (400, "bad_number")
    assert (await hub.get("status/0")).content == bytes(64)
    assert (await hub.get("status/1")).status_code == 404


async def test_an_old_size_is_gone(hub: Hub) -> None:
    for number in range(17):
        await hub.submit(seals(1, start=number))
    sizes = [each.size for each, _ in hub.registry.file.reads.publications(0, 99)]
    statuses = [(await hub.get(f"head?size={size}")).status_code for size in sizes]
    assert statuses == [410] * (len(sizes) - 16) + [200] * 16


async def test_keys_landmarks_and_documents_are_public(hub: Hub) -> None:
    await hub.submit(seals(1))
    keys = await hub.get("keys?from=0")
    assert keys.json() == [{"index": 0, "entry": GENESIS.decode()}]
    assert (await hub.get("keys?from=1")).json() == []
    tree = checkpoint((await hub.get("checkpoint")).content)
    lines = (await hub.get("landmarks")).text.splitlines()
    assert [line.split(" ")[:2] for line in lines] == [["2026-06-01", str(tree.size)]]
    assert b64_decode(lines[0].split(" ")[2]) == tree.root
    known = sha256(b"a policy").hexdigest()
    assert (await hub.get(f"document/{known}")).content == b"a policy"
    assert (await hub.get(f"document/{known[:-1]}0")).status_code == 404


async def test_the_journal_proves_that_it_grew(hub: Hub) -> None:
    journal, heads = AccessJournal(hub.journal), [hub.journal.head]
    for number in range(5):
        record = Access(
            county="320583", client="c", token_id="t", use_cause="u", root_field="r", holder=None, licenses=(),
            fields=(), time=NOW + number,
        )  # fmt: skip
        await journal.record_access(record)
        heads.append(hub.journal.head)
    answer = await hub.get("journal/consistency?from=3&to=5", **MEMBER)
    path = parse_hashes(answer.content.splitlines())
    verify_consistency(3, 5, heads[3].root, heads[5].root, path)
    assert answer.headers["cache-control"] == "private, max-age=31536000, immutable"
    assert code(await hub.get("journal/consistency?from=3&to=6", **MEMBER)) == (409, "wrong_target")
    assert code(await hub.get("journal/consistency?from=5&to=3", **MEMBER)) == (400, "bad_number")
    assert code(await hub.get("journal/consistency", **MEMBER)) == (400, "bad_number")


async def test_before_the_first_publication_there_is_no_log(tmp_path: Path) -> None:
    hub = Hub(tmp_path)
    hub.witnesses.down = set(hub.witnesses.names)
    await hub.start()
    for path in ("checkpoint", "head", "tile/0/000.p/1", "keys"):
        assert code(await hub.get(path)) == (503, "no_log")
    await hub.stop()


async def test_without_a_quorum_entries_go_to_auditors_and_nothing_else_is_shown(hub: Hub) -> None:
    """They replay a checkpoint before they cosign it; for all others the log ends where it is published."""
    (shown,) = await hub.submit(seals(1))
    hub.witnesses.down = set(hub.witnesses.names)
    (waiting,) = await hub.submit(seals(1, start=5), wait=False)
    assert (shown["index"], waiting["index"], hub.registry.size) == (2, 4, 6)
    published, beyond = [await hub.get(f"tile/entries/000.p/{width}", **MEMBER) for width in (4, 6)]
    assert [answer.headers["cache-control"] for answer in (published, beyond)] == [
        "private, max-age=31536000, immutable",
        "no-store",
    ]
    assert decode_bundle(beyond.content)[4] == seals(1, start=5)[0]
    assert (await hub.get("tile/entries/000.p/7", **MEMBER)).status_code == 404
    assert (await hub.get("tile/0/000.p/6")).status_code == 404
    assert code(await hub.get("receipt/4", **MEMBER)) == (409, "wrong_target")
    assert code(await hub.get("tile/entries/000.p/6")) == (401, "token_required")
    assert (await hub.get("receipt/2", **MEMBER)).status_code == 200


async def test_the_first_entries_are_to_be_had_before_anything_is_published(tmp_path: Path) -> None:
    """Or a log whose quorum needs its auditors could never begin."""
    hub = Hub(tmp_path)
    hub.witnesses.down = set(hub.witnesses.names)
    await hub.start()
    answer = await hub.get("tile/entries/000.p/2", **MEMBER)
    assert decode_bundle(answer.content)[0] == GENESIS
    await hub.stop()


async def test_what_a_quorum_lacks_is_told_by_group(hub: Hub) -> None:
    hub.witnesses.down = {"w0", "w1"}
    await hub.submit(seals(1), wait=False)
    async with asyncio.timeout(60):
        while hub.registry.alarm is None:  # noqa: ASYNC110  # an alarm is a field
            await asyncio.sleep(0.01)
    quorum = hub.registry.quorum
    group = {"group": "g", "needed": 2, "held": 1, "lacking": ["w0", "w1"]}
    assert (quorum["sequenced"], quorum["cosignatures"], quorum["groups"], quorum["refusals"]) == (4, 1, [group], [])
    assert hub.registry.alarm == "1 more cosignature needed: g has 1 of 2 (without w0, w1)"


async def test_health_says_what_is_missing(hub: Hub) -> None:
    assert (await hub.http.get("/healthz")).text == "ok\n"
    assert (await hub.http.get("/readyz")).json() == {"ready": True, "missing": {}, "quorum": {}}
    hub.faults["graph"] = "the engine starts"
    answer = await hub.http.get("/readyz")
    assert (answer.status_code, json.loads(answer.content)["missing"]) == (503, {"graph": "the engine starts"})
