MATCH (a0:Offering {code: $k0})
RETURN collect([a0.code, a0.fee,
  head([(a0)-[:IMPLEMENTS]->(a1:Matter) | [a1.name]]),
  head([(a0)-[:IN]->(a2:Jurisdiction) | [a2.name]]),
  COLLECT { MATCH (a0)-[r3:REQUIRES]->(a3:Material) RETURN [a3.name, r3.order, r3.need,
    COLLECT { MATCH (a3)-[:SATISFIED_BY]->(a4:LicenseType) RETURN [a4.code, a4.name] ORDER BY a4.code LIMIT $p0 }] ORDER BY a3.code LIMIT $p1 },
  COLLECT { MATCH (a0)-[:PRODUCES]->(a5:LicenseType) RETURN [a5.name] ORDER BY a5.code LIMIT $p2 }]) AS r
