"""The gateway beside other servers: the same documents, the same graph, one core each, every reply checked."""
