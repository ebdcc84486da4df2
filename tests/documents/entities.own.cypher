UNWIND $ks AS k
CALL (k) {
  MATCH (a0:Authority {code: k.k0})
  RETURN collect([a0.name,
    head([(a0)-[:OF]->(a1:Jurisdiction) | [a1.code]])]) AS x
}
RETURN collect([k.i0, x]) AS r

UNWIND $ks AS k
CALL (k) {
  MATCH (a0:Jurisdiction {code: k.k0})
  RETURN collect([a0.code, a0.name, a0.level,
    head([(a0)-[:WITHIN]->(a1:Jurisdiction) | [a1.name]])]) AS x
}
RETURN collect([k.i0, x]) AS r

UNWIND $ks AS k
CALL (k) {
  MATCH (a0:LicenseType {code: k.k0})
  RETURN collect([a0.name]) AS x
}
RETURN collect([k.i0, x]) AS r

UNWIND $ks AS k
CALL (k) {
  MATCH (a0:Material {code: k.k0})
  RETURN collect([a0.name, null,
    COLLECT { MATCH (a0)-[:SATISFIED_BY]->(a1:LicenseType) RETURN [a1.code] ORDER BY a1.code LIMIT $p10 }]) AS x
}
RETURN collect([k.i0, x]) AS r

UNWIND $ks AS k
CALL (k) {
  MATCH (a0:Matter {code: k.k0})
  RETURN collect([a0.name,
    COLLECT { MATCH (a0)-[:HAS_VERSION]->(a1:MatterVersion) WHERE a1.listed RETURN [a1.since] ORDER BY a1.code LIMIT $p50 }, a0.promisedDays,
    COLLECT { MATCH (a0)<-[:IMPLEMENTS]-(a1:Offering) WHERE a1.planEffectiveDate <= k.today AND coalesce(a1.planCancelDate, k.today) >= k.today AND (a1.supersededOn IS NULL OR a1.supersededOn > k.today) RETURN [
      head([(a1)-[:IN]->(a2:Jurisdiction) | [a2.code]])] ORDER BY a1.code LIMIT $p50 }]) AS x
}
RETURN collect([k.i0, x]) AS r

UNWIND $ks AS k
CALL (k) {
  MATCH (a0:Offering {code: k.k0})
  RETURN collect([a0.code, a0.fee,
    COLLECT { MATCH (a0)-[r1:REQUIRES]->(a1:Material) RETURN [a1.name, r1.order] ORDER BY a1.code LIMIT $p30 }]) AS x
}
RETURN collect([k.i0, x]) AS r
