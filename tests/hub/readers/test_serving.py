"""`tongban serve --workers 2` as real processes: one writer behind two readers, whoever of them is killed."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any, Final

import httpx2
import pytest

from hub.ingest.data import read_table
from ledger.identifiers import LicenseIdentifier
from tests.kill.world import wait_until
from tests.many_processes import OTHER, SEALING, ManyProcesses, Written

pytestmark = pytest.mark.engine

ASKED: Final = 20
AT_ONCE: Final = 8


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ManyProcesses]:
    """Run a hub with two readers, whose clients may ask about 20 licenses an hour; in the end it is killed.

    No reader outlives it: what one was answering then goes nowhere, and nothing is read any more.
    """
    folder = tmp_path_factory.mktemp("readers")
    settings = {"TONGBAN_WORKERS": "2", "TONGBAN_ASKED_PER_HOUR": str(ASKED), "TONGBAN_READ_AFTER_S": "30",
                "TONGBAN_REQUEST_TIMEOUT_S": "60", "TONGBAN_MISSES_PER_HOUR": "100000"}  # fmt: skip
    with ManyProcesses.running(folder, **settings) as running:
        running.await_readers(2)
        yield running
        running.await_readers(2)
        seen = running.processes()
        running.alliance.kill("hub")
        wait_until(lambda: not any(each.runs for each in seen), "the hub's readers and engine have ended")


@pytest.fixture(scope="module")
def written(world: ManyProcesses) -> Written:
    """Give a license that the hub has taken."""
    return world.write()


def _codes(answer: httpx2.Response) -> list[str]:
    return [error["extensions"]["code"] for error in answer.json().get("errors", ())]


def _status(answer: httpx2.Response) -> str:
    assert answer.status_code == 200, answer.text
    return str(answer.json()["data"]["license"]["status"])


def _figures(world: ManyProcesses) -> dict[str, float]:
    lines = (line for line in world.get("/metrics").text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def _together(count: int, work: Any, arguments: Sequence[Any]) -> list[Any]:
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(work, arguments))


def test_each_write_is_read_by_whichever_reader_is_asked_next(world: ManyProcesses) -> None:
    for number in range(4):
        written = world.write()
        assert _status(world.look_up(written.identifier, f"own write {number}", after=written.token)) == "VALID"


def test_a_token_beyond_the_logs_is_refused_by_a_reader_too(world: ManyProcesses, written: Written) -> None:
    answer = world.look_up(written.identifier, "future", after="0.999999")
    assert (answer.status_code, _codes(answer)) == (400, ["bad_read_after"])


def test_every_answer_of_every_reader_left_its_record(world: ManyProcesses, written: Written, tmp_path: Path) -> None:
    causes = [f"record {number}" for number in range(40)]
    answers = _together(AT_ONCE, lambda cause: world.look_up(written.identifier, cause, after=written.token), causes)
    assert {_status(answer) for answer in answers} == {"VALID"}
    recorded = [access for access in world.accesses(tmp_path) if access.use_cause.startswith("record ")]
    assert Counter(access.use_cause for access in recorded) == Counter(causes)
    assert {(access.county, access.client.partition("#")[0], access.licenses) for access in recorded} == {
        (SEALING, SEALING, (written.identifier,))
    }


def test_the_guard_counts_a_client_once_in_all_processes(world: ManyProcesses, written: Written) -> None:
    """Twice as many licenses as it may ask about, at once: the readers together let exactly so many pass."""
    one = LicenseIdentifier.parse(written.identifier)
    asked = [str(replace(one, version=100 + number)) for number in range(2 * ASKED)]
    answers = _together(AT_ONCE, lambda name: world.look_up(name, "guard", county=OTHER), asked)
    refused = [answer for answer in answers if _codes(answer) == ["too_many_asked"]]
    assert len(refused) == ASKED
    assert all(answer.json()["errors"][0]["extensions"]["retryAfter"] > 3000 for answer in refused)
    assert all(_codes(answer) == [] for answer in answers if answer not in refused)


def test_what_only_the_hub_can_do_is_done_there(world: ManyProcesses) -> None:
    answer = world.ask('mutation { submitEntries(entries: ["x"]) { ... on Problem { code } } }')
    assert answer.json()["data"] == {"submitEntries": [{"code": "bad_encoding"}]}
    shown = world.ask("{ checkpoint { size } caseEventFeed { newest } }").json()
    assert shown["data"]["checkpoint"]["size"] > 0


def test_a_public_answer_by_get_may_be_kept_as_the_hub_itself_says_it(world: ManyProcesses) -> None:
    code = next(iter(read_table("matters")))["code"]
    answer = httpx2.get(
        f"{world.url}/graphql", params={"query": f'{{ matter(code: "{code}") {{ code }} }}'}, trust_env=False
    )
    assert (answer.json(), answer.headers["cache-control"]) == ({"data": {"matter": {"code": code}}}, "no-cache")
    assert answer.headers["etag"].startswith('"')
    refused = world.ask("{ nothing }")
    assert (refused.status_code, refused.headers["tongban-error"]) == (400, "bad_document")


def test_health_and_metrics_are_of_all_processes(world: ManyProcesses) -> None:
    world.await_readers(2)
    assert world.get("/readyz").json()["readers"] == {"ready": 2, "of": 2}
    before = _figures(world).get('tongban_graphql_requests_total{path="compiled"}', 0.0)
    for _ in range(4):
        world.ask("{ matters(first: 1) { edges { node { code } } } }")
    wait_until(
        lambda: _figures(world).get('tongban_graphql_requests_total{path="compiled"}', 0.0) >= before + 4, "figures"
    )
    assert _figures(world)["tongban_readers"] == 2.0


def test_a_killed_reader_costs_no_record_and_no_other_answer(
    world: ManyProcesses, written: Written, tmp_path: Path
) -> None:
    acknowledged: list[str] = []
    over = Event()

    def read(name: int) -> list[str]:
        other: list[str] = []
        number = 0
        while not over.is_set():
            number += 1
            cause = f"killed {name} {number}"
            answer = world.look_up(written.identifier, cause, after=written.token)
            if answer.status_code == 200 and _codes(answer) == []:
                acknowledged.append(cause)
            else:
                other.append(f"{answer.status_code} {','.join(_codes(answer))}")
        return other

    with ThreadPoolExecutor(4) as pool:
        readings = [pool.submit(read, name) for name in range(4)]
        try:
            wait_until(lambda: len(acknowledged) > 8, "both answer")
            os.kill(world.readers()[0].pid, signal.SIGKILL)
            told = len(acknowledged)
            wait_until(lambda: len(acknowledged) > told + 8, "the other one goes on")
        finally:
            over.set()
        failed = {each for reading in readings for each in reading.result()}
    assert failed <= {"503 not_ready"}
    recorded = {access.use_cause for access in world.accesses(tmp_path)}
    assert set(acknowledged) <= recorded


def test_a_reader_that_is_told_to_end_answers_what_it_has(world: ManyProcesses, written: Written) -> None:
    leaving = world.readers()[0]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = [pool.submit(world.look_up, written.identifier, "leaving", after=written.token) for _ in range(40)]
        os.kill(leaving.pid, signal.SIGTERM)
        assert {_status(answer.result()) for answer in answers} == {"VALID"}
    wait_until(lambda: not leaving.runs, "it ends")
