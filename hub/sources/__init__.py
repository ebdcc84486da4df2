"""Record sources: where the face of a license is asked for."""

from __future__ import annotations

from hub.sources.gathering import Sources
from hub.sources.node import NodeSource
from hub.sources.vault import VaultEndpoint, VaultSource, VaultStore

__all__ = ["NodeSource", "Sources", "VaultEndpoint", "VaultSource", "VaultStore"]
