MATCH (a0:Holder {key: $k0})<-[:HELD_BY]-(a1:License)
WHERE a1.certificateIdentifier > $c0
  AND ($basis_holder IS NULL OR EXISTS { (a1)-[:HELD_BY]->(:Holder {key: $basis_holder}) })
WITH a1 ORDER BY a1.certificateIdentifier LIMIT $f0
RETURN collect([a1.certificateIdentifier, a1.status, a1.certificateExpiringDate,
  head([(a1)-[:OF_TYPE]->(a2:LicenseType) | [a2.name]]),
  head([(a1)-[:ISSUED_BY]->(a2:Authority) | [a2.name,
    head([(a2)-[:OF]->(a3:Jurisdiction) | [a3.name,
      head([(a3)-[:WITHIN]->(a4:Jurisdiction) | [a4.name,
        head([(a4)-[:WITHIN]->(a5:Jurisdiction) | [a5.name]])]])]])]])]) AS r
