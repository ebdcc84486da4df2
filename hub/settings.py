"""Settings of the hub: one frozen class, read once, from a TOML file and the environment.

Order: environment (`TONGBAN_*`) over file over default. Every fault is listed at once; an unknown key in the file or
the environment is a fault, so that a misspelled setting never falls back to its default in silence. Secrets stand in
files, never in a value; a setting only names the file.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ledger.errors import Malformed

__all__ = ["PREFIX", "LegacySetting", "Settings", "load_settings", "settings_table"]

PREFIX: Final = "TONGBAN_"
_REQUIRED: Final = f"{PREFIX}REQUIRE_"  # what the tests must find on a machine
_FOREIGN: Final = frozenset(
    {
        "TONGBAN_CONFIG",
        "TONGBAN_FAULT_SAMPLES",
        "TONGBAN_FAULT_SEED",
        "TONGBAN_KILL_ROUNDS",
        "TONGBAN_KILL_SEED",
        "TONGBAN_PASSPHRASE_FILE_COUNTY",
    }
)

_FILE_ONLY: Final = frozenset({"legacy", "nodes"})
_PATH: Final = r"^(/[0-9A-Za-z._~-]+)+$"


class LegacySetting(BaseModel):
    """A county's sharing service in the form of GB/T 36906. Its token travels in each call: TLS, or this machine."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = Field(
        pattern=r"^(https://[^\s/?#@]+|http://(127\.0\.0\.1|localhost|\[::1\])(:[0-9]{1,5})?)(/[0-9A-Za-z._~-]+)*$",
        description="https URL without a final slash; http on this machine only",
    )
    access_id: str = Field(pattern=r"^[0-9A-Za-z._-]{1,64}$", description="accessId that the county gave the hub")
    token_file: Path = Field(description="file (0600) with the accessToken, one line")
    search: str = Field("/search", pattern=_PATH, description="path of the search call")
    metadata: str = Field("/metadata", pattern=_PATH, description="path of the metadata call")
    verify: str = Field("/verify", pattern=_PATH, description="path of the verify call")


class Settings(BaseModel):
    """Every setting of the hub, with unit and bounds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    data: Path = Field(
        description="folder of the ledger, journal, vault, keys and embedded graph; made by `ledger init`"
    )
    passphrase_file: Path = Field(description="file (0600) with the passphrase of the hub's keys")
    host: str = Field("127.0.0.1", description="address to listen on; loopback unless told otherwise")
    port: int = Field(8080, ge=1, le=65535, description="port to listen on")
    metrics_host: str = Field("127.0.0.1", description="address of `metrics_port`")
    metrics_port: int | None = Field(
        None,
        ge=1,
        le=65535,
        description="port for `/metrics` alone; unset: on the hub's port, for requests from this machine",
    )
    public_url: str = Field(
        "", pattern=r"^(https?://[^\s/]+)?$", description="URL that clients see, without path; empty: http://host:port"
    )
    engine: Literal["embedded", "neo4j"] = Field("embedded", description="graph engine: own child process, or a server")
    engine_memory_mb: int = Field(1024, ge=256, le=65536, description="heap of the embedded engine, MiB")
    neo4j_uri: str = Field("", pattern=r"^((bolt|neo4j)(\+s(sc)?)?://\S+)?$", description="URI of the Neo4j server")
    neo4j_user: str = Field("neo4j", description="user at the Neo4j server")
    neo4j_password_file: Path | None = Field(None, description="file (0600) with that user's password")
    neo4j_database: str = Field("neo4j", description="database at the Neo4j server")
    bolt_lane: bool = Field(
        default=True, description="look-ups are sent pipelined, many on each of four connections; false: by the driver"
    )
    lanes: bool = Field(default=True, description="concurrent look-ups of one shape go to the graph as one statement")
    lane_statements: int = Field(1, ge=1, le=16, description="statements under way at once for one shape of look-up")
    lane_queue: int = Field(4096, ge=1, le=65536, description="most look-ups waiting for the graph; then 503")
    batch_entries: int = Field(256, ge=1, le=1000, description="most entries in one ledger transaction")
    batch_wait_ms: int = Field(200, ge=1, le=5000, description="longest wait for a batch to fill, milliseconds")
    queue_entries: int = Field(4096, ge=1, le=65536, description="most submitted entries waiting; then 503")
    witness_timeout_ms: int = Field(1000, ge=100, le=10000, description="longest wait for one witness, milliseconds")
    face_deadline_ms: int = Field(
        800, ge=50, le=10000, description="longest wait for all faces of an answer, milliseconds"
    )
    request_timeout_s: float = Field(5.0, gt=0, le=60, description="longest time for one GraphQL request, seconds")
    body_timeout_s: float = Field(10.0, gt=0, le=60, description="longest time for a request body to arrive, seconds")
    read_after_s: float = Field(2.0, gt=0, le=30, description="longest wait of a query for a write, seconds")
    workers: int = Field(
        0, ge=0, le=64, description="reader processes that answer GraphQL queries; 0: the hub's own answers them"
    )
    max_cost: int = Field(25_000, ge=1, le=1_000_000, description="highest cost of one GraphQL document")
    trusted_documents: Path | None = Field(
        None, description="registry of trusted documents, made by `schema trust`; asked for by `documentId`"
    )
    trusted_mode: Literal["open", "prefer", "only"] = Field(
        "open",
        description="documents beyond the registry: answered; counted as new each time; refused before they are read",
    )
    batch_length: int = Field(1, ge=1, le=50, description="most documents in one request; 1: no batches")
    client_documents_per_second: int = Field(
        1_000, ge=1, le=1_000_000, description="documents that one client may send, for long; twice as many in a second"
    )
    client_new_per_minute: int = Field(
        600,
        ge=1,
        le=1_000_000,
        description="documents of one client that need graphql-core's validation; a long one counts up to eight times",
    )
    client_at_once: int = Field(
        256, ge=1, le=65_536, description="documents of one client that are being answered at a time"
    )
    at_once: int = Field(
        64, ge=1, le=65_536, description="documents of all clients that are worked on at a time; more wait for a place"
    )
    waiting: int = Field(512, ge=1, le=65_536, description="most documents that wait for a place; then 503")
    patience_ms: int = Field(
        500,
        ge=1,
        le=60_000,
        description="longest wait for a place, milliseconds; then 503. A fifth while the line stands",
    )
    asked_per_hour: int = Field(
        600, ge=1, le=100_000, description="different people, licenses or cases a client may ask about without a basis"
    )
    misses_per_hour: int = Field(
        120,
        ge=1,
        le=100_000,
        description="reads by which a client may find nothing without a basis, or name a basis that is none",
    )
    token_lifetime_s: int = Field(600, ge=60, le=3600, description="lifetime of an access token, seconds")
    live_clients: int = Field(256, ge=1, le=10_000, description="most open streams: WebSockets and event streams")
    live_clients_per_county: int = Field(
        64, ge=1, le=10_000, description="most open streams, and most subscriptions, of one county"
    )
    webhooks_private: bool = Field(
        default=False, description="webhooks may go to private addresses and, unencrypted, to loopback"
    )
    slow_document_ms: int = Field(
        1000, ge=0, le=60_000, description="documents that take as long are logged, by their digest; 0: none"
    )
    trace_endpoint: str = Field(
        "",
        pattern=r"^(https?://[^\s@?#]+)?$",
        description="OTLP/HTTP collector of traces, like http://127.0.0.1:4318/v1/traces; needs the extra `otel`",
    )
    trace_share: float = Field(0.1, ge=0, le=1, description="share of the GraphQL requests that are traced")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="least level that is logged")
    nodes: dict[str, str] = Field(
        default_factory=dict, description="county nodes that answer for faces: county code -> URL"
    )
    legacy: dict[str, LegacySetting] = Field(
        default_factory=dict,
        description="counties with a GB/T 36906 service: county code -> url, access_id, token_file",
    )

    @model_validator(mode="after")
    def _engine_is_complete(self) -> Settings:
        if self.engine == "neo4j" and not (self.neo4j_uri and self.neo4j_password_file):
            msg = "engine neo4j needs neo4j_uri and neo4j_password_file"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _trust_has_a_registry(self) -> Settings:
        if self.trusted_mode != "open" and self.trusted_documents is None:
            msg = f"trusted_mode {self.trusted_mode} needs trusted_documents"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _county_has_one_source(self) -> Settings:
        if both := sorted(self.nodes.keys() & self.legacy.keys()):
            msg = f"county {both[0]} has a node and a legacy service: expected one of them"
            raise ValueError(msg)
        return self

    @property
    def url(self) -> str:
        """The public URL: the token audience, and the prefix of the ledger's paths."""
        return self.public_url or f"http://{self.host}:{self.port}"


def load_settings(
    *, file: Path | None, environment: Mapping[str, str], overrides: Mapping[str, Any] | None = None
) -> Settings:
    """Read settings from an optional TOML file, `TONGBAN_*` variables and command line overrides, in rising order.

    Raises Malformed bad_setting with every fault in one text.
    """
    values: dict[str, Any] = {}
    faults: list[str] = []
    if file is not None:
        values.update(_from_file(file))
    for name, text in environment.items():
        if not name.startswith(PREFIX) or name in _FOREIGN or name.startswith(_REQUIRED):
            continue
        key = name.removeprefix(PREFIX).lower()
        if key in _FILE_ONLY or key not in Settings.model_fields:
            faults.append(f"{name}: no such setting")
        else:
            values[key] = text
    values.update({key: value for key, value in (overrides or {}).items() if value is not None})
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        faults += [f"{'.'.join(map(str, e['loc'])) or 'settings'}: {e['msg']}" for e in error.errors()]
    else:
        if not faults:
            return settings
    raise Malformed("bad_setting", "settings are not usable:\n  " + "\n  ".join(sorted(faults)))


def _from_file(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise Malformed("bad_setting", f"cannot read the settings file {file}: {error}") from error


def settings_table() -> list[tuple[str, str, str, str]]:
    """List every setting as (name, variable, default, help), in the order of the class; the README's table."""
    rows: list[tuple[str, str, str, str]] = []
    for name, field in Settings.model_fields.items():
        default = "required" if field.is_required() else str(field.get_default(call_default_factory=True))
        variable = "file only" if name in _FILE_ONLY else PREFIX + name.upper()
        rows.append((name, variable, default, field.description or ""))
    return rows
