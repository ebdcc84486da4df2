MATCH (a0:License {certificateIdentifier: $k0})
WHERE a0.sealedBy = $caller_county
  AND ($basis_holder IS NULL OR EXISTS { (a0)-[:HELD_BY]->(:Holder {key: $basis_holder}) })
RETURN collect([a0.certificateIdentifier, a0.status, a0.sealedBy]) AS r
