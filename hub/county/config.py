"""county.json: which county a data folder belongs to, and where it and its hub are found.

{"county":"370214","name":"青岛市城阳区","domain":"tongban.example",
 "url":"http://127.0.0.1:8101","hubUrl":"http://127.0.0.1:8080"}
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

from ledger.closed import COUNTY, closed, text
from ledger.encoding import parse_json

__all__ = ["CountyConfig"]

_CONFIG: Final = frozenset({"county", "name", "domain", "url", "hubUrl"})
_MAX_CONFIG_BYTES: Final = 16_384


@dataclass(frozen=True, slots=True, kw_only=True)
class CountyConfig:
    """What county.json says. domain: of the alliance. url: of this node, hub_url: of the hub, both without a path."""

    county: str
    name: str
    domain: str
    url: str
    hub_url: str

    @classmethod
    def parse(cls, data: bytes) -> CountyConfig:
        """Read county.json. Raises Malformed."""
        obj = closed(parse_json(data, max_bytes=_MAX_CONFIG_BYTES), "county.json", _CONFIG, code="bad_file")
        county = text(obj, "county", COUNTY, code="bad_file")
        name, domain, url, hub_url = (str(obj[key]) for key in ("name", "domain", "url", "hubUrl"))
        return cls(county=county, name=name, domain=domain, url=url, hub_url=hub_url)

    def text(self) -> bytes:
        """Write county.json, indented for a person."""
        row = {"county": self.county, "name": self.name, "domain": self.domain, "url": self.url, "hubUrl": self.hub_url}
        return json.dumps(row, ensure_ascii=False, indent=2).encode() + b"\n"
