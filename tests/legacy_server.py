"""A small sharing service in the form of GB/T 36906, written from the standard's tables and not from our client.

    async with serving(legacy_app(Holdings(faces={...}))) as url: ...      in this event loop
    python -m tests.legacy_server FILE                                     a process of its own; prints its URL

`fault` names what is wrong with it: slow, dead in the middle, garbage, another license, too much, another status.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from tests.servers import serving

__all__ = ["ACCESS", "FAULTS", "Holdings", "legacy_app", "on_the_wire"]

ACCESS: Final = {"accessId": "tongban", "accessToken": "example-token"}

_SHORT: Final = {
    "certificateName": "ZZMC", "certificateTypeCode": "ZZLXDM", "certificateNumber": "ZZBH",
    "certificateIdentifier": "ZZBS", "certificateIssuingAuthorityName": "ZZBFJG",
    "certificateIssuingAuthorityCode": "ZZBFJGDM", "certificateIssuedDate": "ZZBFRQ", "certificateHolderName": "CZZT",
    "certificateHolderCode": "CZZTDM", "certificateHolderTypeName": "CZZTDMLX",
    "certificateHolderTypeCode": "CZZTDMLXDM", "certificateEffectiveDate": "ZZYXQQSRQ",
    "certificateExpiringDate": "ZZYXQJZRQ", "associatedZzeCertID": "GLZZBS",
}  # fmt: skip
"""The table of GB/T 36903; what is not in it has no short name."""


def on_the_wire(face: Mapping[str, Any]) -> dict[str, Any]:
    """Write a face as such a service keeps it: short names, days without hyphens."""
    return {
        _SHORT.get(name, name): value.replace("-", "") if name.endswith("Date") and value else value
        for name, value in face.items()
    }


@dataclass
class Holdings:
    """What a service holds: faces (short names) by identifier. asked: the data of every call, as it came."""

    faces: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    fault: str | None = None
    says_too_much: bool = False
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)


def _answer(status: Any, data: Any = None, **head: Any) -> Response:
    return JSONResponse({"head": {"status": status, "message": "said"} | head, "data": data})


async def _silence(_data: dict[str, Any]) -> Response:
    await asyncio.Event().wait()
    return Response()


async def _drops(_data: dict[str, Any]) -> Response:
    async def drops() -> AsyncIterator[bytes]:
        while True:
            yield b" "
            await asyncio.sleep(0.02)

    return StreamingResponse(drops())


async def _flood(_data: dict[str, Any]) -> Response:
    async def blocks() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b" " * (1 << 20)

    return StreamingResponse(blocks())


FAULTS: Final[Mapping[str, Any]] = {
    "silent": _silence,
    "a byte at a time": _drops,
    "100 MB": _flood,
    "no JSON": lambda _data: Response(b"<html>"),
    "deep": lambda _data: Response(b'{"head":' + b"[" * 4000),
    "a member twice": lambda _data: Response(b'{"head":{"status":"0"},"head":{"status":"0"},"data":{}}'),
    "no head": lambda _data: JSONResponse({"data": {}}),
    "a head of its own": lambda _data: _answer("0", {}, trace="x"),
    "success and no data": lambda _data: _answer("0"),
    "another license": lambda _data: _answer("0", {"ZZBS": "1.2.156.3005.2.other", "ZZMC": "营业执照"}),
    "no identifier": lambda _data: _answer("0", {"ZZMC": "营业执照"}),
    "a list": lambda _data: _answer("0", []),
    "a name that is none": lambda data: _answer("0", {"ZZBS": data.get("certIdentifier"), "ZZMC": 7}),
    "a day that is none": lambda data: _answer("0", {"ZZBS": data.get("certIdentifier"), "ZZBFRQ": "20260230"}),
    "holders that are none": lambda data: _answer("0", {"ZZBS": data.get("certIdentifier"), "CZZT": {"a": 1}}),
    "no permission": lambda _data: _answer("1"),
    "authentication failed": lambda _data: _answer(11),
    "its own time-out": lambda _data: _answer("2"),
    "wrong arguments": lambda _data: _answer("4"),
    "a status of its own": lambda _data: _answer("ok", {}),
    "a status that is true": lambda _data: _answer(status=True, data={}),
    "HTTP 500": lambda _data: Response(status_code=500),
    "a redirect": lambda _data: Response(status_code=307, headers={"Location": "/metadata"}),
    "packed": lambda _data: Response(b"\x1f\x8b", headers={"Content-Encoding": "gzip"}),
}
"""Each way in which a service can be wrong, as (the call's data) -> the answer."""


def legacy_app(holdings: Holdings) -> Starlette:
    """Give the application of a service over these holdings."""

    async def call(request: Request) -> Response:
        name, body = request.url.path.rpartition("/")[2], await request.json()
        holdings.asked.append((name, body["data"]))
        if holdings.fault is not None:
            answer = FAULTS[holdings.fault](body["data"])
            return await answer if asyncio.iscoroutine(answer) else answer
        if body["head"] != ACCESS:
            return _answer("11")
        if not body["data"].get("useCause"):
            return _answer("12")
        return _CALLS[name](holdings, body["data"])

    return Starlette(routes=[Route(f"/share/{name}", call, methods=["POST"]) for name in _CALLS])


def _search(holdings: Holdings, data: dict[str, Any]) -> Response:
    found = [
        {"certIdentifier": face["ZZBS"], "certName": face["ZZMC"], "status": "01"}
        for face in holdings.faces.values()
        if data["holderCode"] in face["CZZTDM"] and data["certTypeCode"] == face["ZZLXDM"]
    ]
    return _answer("0", found) if found else _answer("3")


def _metadata(holdings: Holdings, data: dict[str, Any]) -> Response:
    face = holdings.faces.get(data["certIdentifier"])
    if face is None:
        return _answer("10")
    wanted = data["metadataRange"]
    kept = {name: value for name, value in face.items() if not wanted or name in wanted or holdings.says_too_much}
    return _answer(0, kept)


def _verify(holdings: Holdings, data: dict[str, Any]) -> Response:
    same = [face for face in holdings.faces.values() if face["ZZLXDM"] == data["certTypeCode"]]
    if not same:
        return _answer("0", {"result": "5"})
    agrees = any(all(face.get(name) == value for name, value in data["certData"].items()) for face in same)
    return _answer("0", {"result": 0 if agrees else 7})


_CALLS: Final = {"search": _search, "metadata": _metadata, "verify": _verify}


async def _main(holdings: Holdings) -> None:
    async with serving(legacy_app(holdings)) as url:
        print(f"{url}/share", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_main(Holdings(faces=json.loads(Path(sys.argv[1]).read_bytes()))))
