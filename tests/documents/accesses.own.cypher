MATCH (a0:License {certificateIdentifier: $k0})
WHERE a0.sealedBy = $caller_county
RETURN collect([a0.certificateIdentifier, a0.status]) AS r
