MATCH (a0:Matter)
WHERE a0.code > $c0
  AND ($type IS NULL OR a0.type = $type)
  AND ($mode IS NULL OR a0.mode = $mode)
WITH a0 ORDER BY a0.code LIMIT $f0
RETURN collect([a0.code, a0.name,
  COLLECT { MATCH (a0)<-[:IMPLEMENTS]-(a1:Offering) WHERE a1.planEffectiveDate <= $today AND coalesce(a1.planCancelDate, $today) >= $today AND (a1.supersededOn IS NULL OR a1.supersededOn > $today) RETURN [a1.promisedDays,
    head([(a1)-[:IN]->(a2:Jurisdiction) | [a2.code]])] ORDER BY a1.code LIMIT $p50 }]) AS r

MATCH (a0:Jurisdiction)
WHERE a0.code > $c0
  AND ($level IS NULL OR a0.level = $level)
WITH a0 ORDER BY a0.code LIMIT $f0
RETURN collect([a0.code, a0.name,
  COLLECT { MATCH (a0)<-[:OF]-(a1:Authority) RETURN [a1.code] ORDER BY a1.code LIMIT $p20 }]) AS r

MATCH (a0:LicenseType)
WHERE a0.code > $c0
WITH a0 ORDER BY a0.code LIMIT $f0
RETURN collect([]) AS r

MATCH (a0:LicenseType {code: $k0})
RETURN collect([a0.name,
  COLLECT { MATCH (a0)<-[:SATISFIED_BY]-(a1:Material) RETURN [a1.code] ORDER BY a1.code LIMIT $p100 }]) AS r

MATCH (a0:Jurisdiction {code: $k0})
RETURN collect([a0.name,
  head([(a0)-[:WITHIN]->(a1:Jurisdiction) | [a1.name,
    head([(a1)-[:WITHIN]->(a2:Jurisdiction) | [a2.name]])]])]) AS r

MATCH (a0:Authority {code: $k0})
RETURN collect([
  head([(a0)-[:OF]->(a1:Jurisdiction) | [a1.code]])]) AS r
