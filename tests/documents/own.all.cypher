MATCH (a0:Holder {key: $k0})<-[:HELD_BY]-(a1:License)
WHERE a1.certificateIdentifier > $c0
  AND ($basis_holder IS NULL OR EXISTS { (a1)-[:HELD_BY]->(:Holder {key: $basis_holder}) })
WITH a1 ORDER BY a1.certificateIdentifier LIMIT $f0
RETURN collect([a1.certificateIdentifier, a1.status, a1.sealedBy]) AS r

MATCH (a0:Holder {key: $k0})<-[:GRANTED_BY]-(a1:Consent)
WHERE a1.id > $c0
  AND (a1.county = $caller_county OR a1.statedBy = $caller_county)
WITH a1 ORDER BY a1.id LIMIT $f0
RETURN collect([a1.id, a1.county, a1.purpose, a1.statedBy, (a1.revokedAt IS NULL AND a1.expiresAt > $now)]) AS r

MATCH (a0:Case {caseNumber: $k0})
WHERE (a0.takenInBy = $caller_county OR a0.handledBy = $caller_county OR a0.pickedUpAt = $caller_county)
RETURN collect([a0.caseNumber, a0.stage, a0.handledBy]) AS r
