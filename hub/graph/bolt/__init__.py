"""The pipelined Bolt lane: compiled reads, many under way on each of a few connections. See ../README.md."""

__all__: list[str] = []
