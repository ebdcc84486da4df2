MATCH (a0:Offering {service: $k0})
WHERE a0.planEffectiveDate <= $today AND coalesce(a0.planCancelDate, $today) >= $today AND (a0.supersededOn IS NULL OR a0.supersededOn > $today)
RETURN collect([a0.code,
  head([(a0)-[:IMPLEMENTS]->(a1:Matter) | [a1.name]]),
  head([(a0)-[:IN]->(a2:Jurisdiction) | [a2.name]]),
  COLLECT { MATCH (a0)-[r3:REQUIRES]->(a3:Material) RETURN [a3.code, a3.name, a3.kind, r3.order, r3.need, r3.toleranceDays,
    COLLECT { MATCH (a3)-[:SATISFIED_BY]->(a4:LicenseType) RETURN [a4.code, a4.name, a4.definerName] ORDER BY a4.code LIMIT $p0 }] ORDER BY a3.code LIMIT $p1 },
  COLLECT { MATCH (:Holder {key: $holder_key})<-[:HELD_BY]-(a5:License) WHERE EXISTS { MATCH (a0)-[:REQUIRES]->(:Material)-[:SATISFIED_BY]->(y:LicenseType) WHERE y.code = a5.certificateTypeCode } WITH a5 WHERE ($basis_holder IS NULL OR EXISTS { (a5)-[:HELD_BY]->(:Holder {key: $basis_holder}) }) RETURN [a5.certificateIdentifier, a5.certificateTypeCode, a5.logIndex, a5.sealedBy, a5.certificateIssuedDate, a5.certificateEffectiveDate, a5.certificateExpiringDate, a5.disputed,
    COLLECT { MATCH (a5)-[:ISSUED_BY]->(a6:Authority) RETURN [a6.name] ORDER BY a6.code LIMIT $p2 }] ORDER BY a5.certificateIdentifier LIMIT $p3 },
  COLLECT { MATCH (a7:Objection {holderKey: $holder_key}) WHERE a7.open AND EXISTS { MATCH (a0)-[:REQUIRES]->(:Material)-[:SATISFIED_BY]->(y:LicenseType) WHERE y.code = a7.certificateTypeCode } WITH a7 WHERE (a7.raisedBy = $caller_county OR a7.answeredBy = $caller_county) RETURN [a7.id, a7.certificateTypeCode, a7.answeredBy, a7.raisedAt] ORDER BY a7.id LIMIT $p4 }]) AS r
