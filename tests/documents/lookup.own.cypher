MATCH (a0:Holder {key: $k0})<-[:HELD_BY]-(a1:License)
WHERE a1.certificateIdentifier > $c0
  AND a1.sealedBy = $caller_county
  AND ($basis_holder IS NULL OR EXISTS { (a1)-[:HELD_BY]->(:Holder {key: $basis_holder}) })
WITH a1 ORDER BY a1.certificateIdentifier LIMIT $f0
RETURN collect([a1.certificateIdentifier, a1.status, a1.sealedBy, a1.logIndex]) AS r
