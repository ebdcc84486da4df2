"""GraphQL over HTTP: requests read, documents planned within limits, answers completed."""
