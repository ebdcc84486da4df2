"""What a partner hears when the hub refuses: the hub's own words, in either of its two forms of an error."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from hub.partner import ask
from ledger.errors import TongbanError


@pytest.mark.parametrize(
    ("status", "answer", "heard"),
    [
        (409, {"error": {"code": "wrong_target", "message": "no seal"}}, "wrong_target: no seal"),
        (400, {"error": "invalid_scope", "error_description": "no such"}, "forbidden: invalid_scope: no such"),
        (401, {"error": "invalid_client", "error_description": "a\nb"}, "forbidden: invalid_client: ab"),
        (400, {"error": "invalid_scope"}, "forbidden: the hub at http://hub.example answers 400"),
        (400, {"error": 7, "error_description": "x"}, "forbidden: the hub at http://hub.example answers 400"),
        (404, [], "forbidden: the hub at http://hub.example answers 404"),
        (
            503,
            {"error": "server_error", "error_description": "x"},
            "not_ready: the hub at http://hub.example answers 503",
        ),
    ],
)
def test_a_refusal_is_told_in_the_hubs_words(
    monkeypatch: pytest.MonkeyPatch, status: int, answer: Any, heard: str
) -> None:
    def request(*_: object, **__: object) -> httpx2.Response:
        return httpx2.Response(status, json=answer)

    monkeypatch.setattr(httpx2, "request", request)
    with pytest.raises(TongbanError) as caught:
        ask("POST", "http://hub.example/oauth/token")
    assert str(caught.value) == heard
