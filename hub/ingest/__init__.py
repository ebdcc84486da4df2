"""County feeds: read, normalise, seal, report."""
