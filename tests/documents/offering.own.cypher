MATCH (a0:Offering {service: $k0})
WHERE a0.planEffectiveDate <= coalesce($on, $today) AND (a0.planCancelDate IS NULL OR a0.planCancelDate >= coalesce($on, $today)) AND (a0.supersededOn IS NULL OR a0.supersededOn > coalesce($on, $today))
RETURN collect([a0.code, a0.planEffectiveDate, a0.fee, a0.flow,
  head([(a0)-[:IMPLEMENTS]->(a1:Matter) | [a1.name]]),
  head([(a0)-[:IN]->(a1:Jurisdiction) | [a1.name]]),
  COLLECT { MATCH (a0)-[r1:REQUIRES]->(a1:Material) RETURN [a1.name, r1.order, r1.need, r1.toleranceDays, a1.kind,
    COLLECT { MATCH (a1)-[:SATISFIED_BY]->(a2:LicenseType) RETURN [a2.code, a2.name] ORDER BY a2.code LIMIT $p10 }] ORDER BY a1.code LIMIT $p30 },
  COLLECT { MATCH (a0)-[:PRODUCES]->(a1:LicenseType) RETURN [a1.name] ORDER BY a1.code LIMIT $p10 }]) AS r
