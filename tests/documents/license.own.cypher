MATCH (a0:License {certificateIdentifier: $k0})
WHERE a0.sealedBy = $caller_county
  AND ($basis_holder IS NULL OR EXISTS { (a0)-[:HELD_BY]->(:Holder {key: $basis_holder}) })
RETURN collect([a0.certificateIdentifier, a0.status,
  head([(a0)-[:REPLACES]->(a1:License) WHERE a1.sealedBy = $caller_county AND ($basis_holder IS NULL OR EXISTS { (a1)-[:HELD_BY]->(:Holder {key: $basis_holder}) }) | [a1.certificateIdentifier,
    head([(a1)<-[:REPLACES]-(a2:License) WHERE a2.sealedBy = $caller_county AND ($basis_holder IS NULL OR EXISTS { (a2)-[:HELD_BY]->(:Holder {key: $basis_holder}) }) | [a2.certificateIdentifier, a2.status]])]]), a0.sealedBy]) AS r
