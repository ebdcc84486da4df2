"""A log read by a stranger: bounded, asked again when it fails, believed when it answers."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2
import pytest
import stamina

from hub.logreader import LogReader
from ledger.errors import Malformed, Unavailable
from tests.shown_log import SHOWN_URL, ShownLog
from tests.synced_log import T, synced_book


@pytest.fixture(autouse=True)
def _no_waits() -> Iterator[None]:
    with stamina.set_testing(True, attempts=3, cap=True):  # tries again, at once
        yield


def test_answers_are_bounded_in_bytes_and_time() -> None:
    log = ShownLog(synced_book(), time=T)
    with log.client() as http:
        with pytest.raises(Malformed, match=r"^too_large: "):
            LogReader(SHOWN_URL, http, seconds=60).need("checkpoint", 10)
        with pytest.raises(Unavailable, match=r"^deadline: "):
            LogReader(SHOWN_URL, http, seconds=0).need("checkpoint", 10_000)
        with pytest.raises(Malformed, match=r"^bad_setting: "):
            LogReader("file:///ledger", http, seconds=60)
        with pytest.raises(Unavailable, match=r"^no_log: "):
            LogReader(SHOWN_URL, http, seconds=60).need("elsewhere", 10)


@pytest.mark.parametrize("status", [429, 503])
def test_a_log_that_fails_or_is_busy_is_asked_again(status: int) -> None:
    log = ShownLog(synced_book(), time=T)
    log.instead["checkpoint"] = httpx2.Response(status)
    with log.client() as http:
        reader = LogReader(SHOWN_URL, http, seconds=60)
        with pytest.raises(Unavailable, match=f"^not_ready: the log answers {status}"):
            reader.need("checkpoint", 10_000)
        assert log.asked == ["checkpoint"] * 3
        log.before = lambda _path: log.instead.clear()
        assert reader.need("checkpoint", 10_000) == log.files.checkpoint


@pytest.mark.parametrize("status", [204, 301, 400, 403])
def test_a_log_that_answers_otherwise_has_answered(status: int) -> None:
    log = ShownLog(synced_book(), time=T)
    log.instead["checkpoint"] = httpx2.Response(status)
    with log.client() as http, pytest.raises(Unavailable, match=f"^no_log: the log answers {status} to checkpoint"):
        LogReader(SHOWN_URL, http, seconds=60).need("checkpoint", 10_000)
    assert log.asked == ["checkpoint"]


def test_a_broken_connection_is_unavailable() -> None:
    def broken(request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError("no route", request=request)

    http = httpx2.Client(transport=httpx2.MockTransport(broken))
    with http, pytest.raises(Unavailable, match=r"^not_ready: "):
        LogReader(SHOWN_URL, http, seconds=60).need("checkpoint", 10)
