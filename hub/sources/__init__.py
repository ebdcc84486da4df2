"""Record sources: where the face of a license is asked for."""

from __future__ import annotations

from hub.sources.configured import connections_of, legacy_service, sources_of
from hub.sources.gathering import Sources
from hub.sources.legacy import LegacyService
from hub.sources.legacyfaces import LegacySource
from hub.sources.node import NodeSource
from hub.sources.port import RecordSource
from hub.sources.vault import VaultEndpoint, VaultSource, VaultStore

__all__ = [
    "LegacyService",
    "LegacySource",
    "NodeSource",
    "RecordSource",
    "Sources",
    "VaultEndpoint",
    "VaultSource",
    "VaultStore",
    "connections_of",
    "legacy_service",
    "sources_of",
]
