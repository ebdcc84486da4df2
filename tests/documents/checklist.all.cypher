MATCH (a0:Offering {service: $k0})
WHERE a0.planEffectiveDate <= $today AND coalesce(a0.planCancelDate, $today) >= $today AND (a0.supersededOn IS NULL OR a0.supersededOn > $today)
RETURN collect([a0.code,
  head([(a0)-[:IMPLEMENTS]->(a1:Matter) | [a1.name]]),
  head([(a0)-[:IN]->(a1:Jurisdiction) | [a1.name]]),
  COLLECT { MATCH (a0)-[r1:REQUIRES]->(a1:Material) RETURN [a1.code, a1.name, a1.kind, r1.order, r1.need, r1.toleranceDays,
    COLLECT { MATCH (a1)-[:SATISFIED_BY]->(a2:LicenseType) RETURN [a2.code, a2.name, a2.definerName] ORDER BY a2.code LIMIT $p10 }] ORDER BY a1.code LIMIT $p30 },
  COLLECT { MATCH (:Holder {key: $holder_key})<-[:HELD_BY]-(a1:License) WHERE EXISTS { MATCH (a0)-[:REQUIRES]->(:Material)-[:SATISFIED_BY]->(y:LicenseType) WHERE y.code = a1.certificateTypeCode } WITH a1 WHERE ($basis_holder IS NULL OR EXISTS { (a1)-[:HELD_BY]->(:Holder {key: $basis_holder}) }) RETURN [a1.certificateIdentifier, a1.certificateTypeCode, a1.logIndex, a1.sealedBy, a1.certificateIssuedDate, a1.certificateEffectiveDate, a1.certificateExpiringDate, a1.disputed,
    COLLECT { MATCH (a1)-[:ISSUED_BY]->(a2:Authority) RETURN [a2.name] ORDER BY a2.code LIMIT $p1 }] ORDER BY a1.certificateIdentifier LIMIT $p500 },
  COLLECT { MATCH (a1:Objection {holderKey: $holder_key}) WHERE a1.open AND EXISTS { MATCH (a0)-[:REQUIRES]->(:Material)-[:SATISFIED_BY]->(y:LicenseType) WHERE y.code = a1.certificateTypeCode } WITH a1 WHERE (a1.raisedBy = $caller_county OR a1.answeredBy = $caller_county) RETURN [a1.id, a1.certificateTypeCode, a1.answeredBy, a1.raisedAt] ORDER BY a1.id LIMIT $p100 }]) AS r
