"""Trusted documents: asked for by identifier, three modes, caches, and a hub that does not start with one that broke."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest

from hub.graphql.admission import Admission
from hub.graphql.quotas import Quotas
from hub.graphql.trusted import TrustedMode, document_id, is_document_id, read_registry, registry_of, write_registry
from ledger.errors import Malformed
from tests.graph_fakes import CannedGraph
from tests.graphql_http import LICENSE, MATTER, NEW, client, code_of
from tests.ports import FakeClock

BY_CODE: Final = "query($c: CatalogueCode!) { matter(code: $c) { name } }"
TEXTS: Final = {document_id(text): text for text in (BY_CODE, LICENSE)}
GOOD: Final = {"Authorization": "Bearer good"}
UNKNOWN: Final = document_id("unknown")


def trusting(mode: TrustedMode = "open", **bounds: Any) -> httpx2.AsyncClient:
    """A client of a hub with the two registered documents."""
    return client(admission=Admission(texts=TEXTS, mode=mode, **bounds))


async def ask(http: httpx2.AsyncClient, **members: Any) -> httpx2.Response:
    return await http.post("/graphql", json=members, headers={"Accept": NEW})


def test_an_identifier_is_the_digest_of_the_very_text() -> None:
    assert document_id("{ a }") == "sha256:1c7e1e347f726166b5b1c55afd61f278cc9b45e00c108ec33d540a566379811b"
    assert document_id("{a}") != document_id("{ a }")
    assert is_document_id(UNKNOWN)
    assert not any(map(is_document_id, (UNKNOWN.upper(), UNKNOWN[:-1], UNKNOWN + "\n", UNKNOWN[7:], "")))


@pytest.mark.parametrize("mode", ["open", "prefer", "only"])
async def test_a_document_is_asked_for_by_its_identifier(mode: TrustedMode) -> None:
    async with trusting(mode) as http:
        by_post = await ask(http, documentId=document_id(BY_CODE), variables={"c": "1"})
        by_text = await ask(http, query=BY_CODE, variables={"c": "1"})
        parameters = {"documentId": document_id(BY_CODE), "variables": '{"c":"1"}'}
        by_get = await http.get("/graphql", params=parameters)
    assert [one.json() for one in (by_post, by_text, by_get)] == [{"data": {"matter": {"name": "名"}}}] * 3


async def test_other_documents_by_mode() -> None:
    for mode in ("open", "prefer"):
        async with trusting(mode) as http:
            assert (await ask(http, query=MATTER)).json() == {"data": {"matter": {"name": "名"}}}
    async with trusting("only") as http:
        assert code_of(await ask(http, query=MATTER)) == "untrusted_document"


async def test_what_is_not_registered_is_refused_by_the_same_bytes() -> None:
    """Good, unknown, broken, endless or introspecting: nobody learns whether it was read."""
    texts = (MATTER, "{ nothing }", "{", "{ __schema { __typename } }", "{ " + "a { " * 5_000, "\x00", BY_CODE + " ")
    async with trusting("only") as http:
        refused = [await ask(http, query=text) for text in texts]
        refused += [await ask(http, documentId=UNKNOWN), await ask(http, query=MATTER, variables={"c": 1})]
    told = {"message": "expected a document of this hub's registry", "extensions": {"code": "untrusted_document"}}
    assert {one.content for one in refused} == {json.dumps({"errors": [told]}, separators=(",", ":")).encode()}
    assert {one.status_code for one in refused} == {400}


async def test_an_unknown_identifier_is_refused_in_every_mode() -> None:
    for mode in ("open", "prefer", "only"):
        async with trusting(mode) as http:
            assert code_of(await ask(http, documentId=UNKNOWN)) == "untrusted_document"


async def test_a_preferring_hub_counts_other_documents_each_time() -> None:
    quotas = Quotas(per_second=100, new_per_minute=2, at_once=10, clock=FakeClock())
    async with trusting("prefer", quotas=quotas) as http:
        answers = [await ask(http, query=MATTER) for _ in range(3)]
        registered = [await ask(http, query=BY_CODE, variables={"c": "1"}) for _ in range(5)]
    assert [one.status_code for one in answers] == [200, 200, 429]
    assert (code_of(answers[2]), answers[2].headers["retry-after"]) == ("too_many_requests", "30")
    assert {one.status_code for one in registered} == {200}


@pytest.mark.parametrize(
    "members",
    [
        {"documentId": UNKNOWN, "query": MATTER},
        {"documentId": UNKNOWN.upper()},
        {"documentId": 7},
        {"documentId": ""},
        {"documentId": "md5:1"},
        {"documentId": None},
    ],
)
async def test_a_request_names_one_document_in_one_form(members: dict[str, Any]) -> None:
    async with trusting() as http:
        answer = await ask(http, **members)
    assert (answer.status_code, code_of(answer)) == (400, "bad_request")


async def test_a_public_answer_by_get_can_be_kept_and_need_not_be_sent_again() -> None:
    parameters = {"documentId": document_id(BY_CODE), "variables": '{"c":"1"}'}
    async with trusting("only") as http:
        first = await http.get("/graphql", params=parameters)
        tag = first.headers["etag"]
        for known in (tag, f'"other", W/{tag}', "*"):
            again = await http.get("/graphql", params=parameters, headers={"If-None-Match": known})
            assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        changed = await http.get("/graphql", params=parameters, headers={"If-None-Match": '"other"'})
    assert (first.headers["cache-control"], first.headers["vary"]) == ("public, max-age=60", "Accept, Authorization")
    assert (changed.status_code, changed.content) == (200, first.content)


async def test_another_answer_has_another_tag() -> None:
    names: list[Any] = [["名"]]
    graph = CannedGraph(answer=lambda _: names)
    async with client(graph) as http:
        tags = [(await http.get("/graphql", params={"query": MATTER})).headers["etag"]]
        names = [["称"]]
        second = await http.get("/graphql", params={"query": MATTER}, headers={"If-None-Match": tags[0]})
    assert second.status_code == 200
    assert second.headers["etag"] != tags[0]
    assert second.headers["cache-control"] == "no-cache"


async def test_what_no_cache_may_keep_has_no_tag() -> None:
    """Answers by POST, to a caller with a token, with errors, and refusals."""
    parameters = {"documentId": document_id(BY_CODE), "variables": '{"c":"1"}'}
    async with trusting() as http:
        kept = [
            await ask(http, documentId=document_id(BY_CODE), variables={"c": "1"}),
            await http.get("/graphql", params=parameters, headers=GOOD),
            await http.get("/graphql", params={**parameters, "variables": "{}"}),
            await http.get("/graphql", params={"documentId": document_id(LICENSE)}, headers=GOOD),
        ]
    assert [(one.headers["cache-control"], "etag" in one.headers) for one in kept] == [("no-store", False)] * 4
    assert kept[3].status_code == 405


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{ gone { name } }", "bad_document: Cannot query field 'gone' on type 'Query'."),
        ("{", "bad_document: Syntax Error"),
        ("{ " + " ".join(f'a{number}: matter(code: "1") {{ name }}' for number in range(20)) + " }", "limit_exceeded"),
    ],
)
def test_a_hub_does_not_start_with_a_document_that_does_not_hold(text: str, reason: str) -> None:
    with pytest.raises(Malformed) as caught:
        client(admission=Admission(texts={**TEXTS, document_id(text): text}))
    assert caught.value.code == "bad_document"
    assert caught.value.message.startswith(f"trusted document {document_id(text)}: {reason}")


def test_a_registry_is_read_as_it_was_written(tmp_path: Path) -> None:
    data = write_registry(TEXTS)
    assert read_registry(data) == TEXTS
    assert write_registry(dict(reversed(TEXTS.items()))) == data
    (tmp_path / "trusted.json").write_bytes(data)
    assert registry_of(tmp_path / "trusted.json") == TEXTS
    assert registry_of(None) == {}


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"[]", "bad_file"),
        (json.dumps({UNKNOWN: "{ a }"}).encode(), "bad_file"),
        (json.dumps({UNKNOWN: 7}).encode(), "bad_file"),
        (b'{"a": {"b": {}}}', "bad_json"),
        (b'{"a": "1", "a": "1"}', "duplicate_member"),
        (json.dumps({document_id(str(n)): str(n) for n in range(2_001)}).encode(), "bad_file"),
        (b" " * (8 * 1024 * 1024 + 1), "too_large"),
    ],
)
def test_a_registry_that_is_none(data: bytes, code: str) -> None:
    with pytest.raises(Malformed) as caught:
        read_registry(data)
    assert caught.value.code == code


def test_a_registry_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(Malformed, match="cannot read the trusted documents"):
        registry_of(tmp_path / "none.json")
