MATCH (a0:License {certificateIdentifier: $k0})
RETURN collect([a0.certificateIdentifier, a0.status,
  head([(a0)-[:REPLACES]->(a1:License) | [a1.certificateIdentifier,
    head([(a1)<-[:REPLACES]-(a2:License) | [a2.certificateIdentifier, a2.status]])]]), a0.sealedBy]) AS r
