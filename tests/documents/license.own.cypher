MATCH (a0:License {certificateIdentifier: $k0})
WHERE a0.sealedBy = $caller_county
RETURN collect([a0.certificateIdentifier, a0.status,
  head([(a0)-[:REPLACES]->(a1:License) WHERE a1.sealedBy = $caller_county | [a1.certificateIdentifier,
    head([(a1)<-[:REPLACES]-(a2:License) WHERE a2.sealedBy = $caller_county | [a2.certificateIdentifier, a2.status]])]]), a0.sealedBy]) AS r
