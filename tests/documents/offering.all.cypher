MATCH (a0:Offering {service: $k0})
WHERE a0.planEffectiveDate <= coalesce($on, $today) AND (a0.planCancelDate IS NULL OR a0.planCancelDate >= coalesce($on, $today)) AND (a0.supersededOn IS NULL OR a0.supersededOn > coalesce($on, $today))
RETURN collect([a0.code, a0.planEffectiveDate, a0.fee, a0.flow,
  head([(a0)-[:IMPLEMENTS]->(a1:Matter) | [a1.name]]),
  head([(a0)-[:IN]->(a2:Jurisdiction) | [a2.name]]),
  COLLECT { MATCH (a0)-[r3:REQUIRES]->(a3:Material) RETURN [a3.name, a3.kind, r3.order, r3.need, r3.toleranceDays,
    COLLECT { MATCH (a3)-[:SATISFIED_BY]->(a4:LicenseType) RETURN [a4.code, a4.name] ORDER BY a4.code LIMIT $p0 }] ORDER BY a3.code LIMIT $p1 },
  COLLECT { MATCH (a0)-[:PRODUCES]->(a5:LicenseType) RETURN [a5.name] ORDER BY a5.code LIMIT $p2 }]) AS r
