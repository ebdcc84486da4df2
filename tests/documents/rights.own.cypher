MATCH (a0:Matter {code: $k0})
RETURN collect([a0.name]) AS r

MATCH (a0:License {certificateIdentifier: $k0})
WHERE a0.sealedBy = $caller_county
  AND ($basis_holder IS NULL OR EXISTS { (a0)-[:HELD_BY]->(:Holder {key: $basis_holder}) })
RETURN collect([a0.certificateIdentifier, a0.status, a0.sealedBy]) AS r

MATCH (a0:License {certificateIdentifier: $k0})
WHERE a0.sealedBy = $caller_county
  AND ($basis_holder IS NULL OR EXISTS { (a0)-[:HELD_BY]->(:Holder {key: $basis_holder}) })
RETURN collect([a0.certificateIdentifier, a0.status]) AS r

MATCH (a0:Case {caseNumber: $k0})
WHERE (a0.takenInBy = $caller_county OR a0.handledBy = $caller_county OR a0.pickedUpAt = $caller_county)
RETURN collect([a0.caseNumber, a0.stage]) AS r
