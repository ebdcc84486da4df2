MATCH (a0:License {certificateIdentifier: $k0})
RETURN collect([a0.certificateIdentifier, a0.status]) AS r
