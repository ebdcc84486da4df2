MATCH (a0:Matter {code: $k0})
RETURN collect([a0.name,
  COLLECT { MATCH (a0)<-[:IMPLEMENTS]-(a1:Offering) WHERE a1.planEffectiveDate <= coalesce($on, $today) AND (a1.planCancelDate IS NULL OR a1.planCancelDate >= coalesce($on, $today)) AND (a1.supersededOn IS NULL OR a1.supersededOn > coalesce($on, $today)) RETURN [a1.code, a1.countyCode, a1.statutoryDays, a1.promisedDays, a1.dayUnit, a1.fee, a1.mode, a1.visits,
    COLLECT { MATCH (a1)-[r2:REQUIRES]->(a2:Material) RETURN [a2.name, r2.need] ORDER BY a2.code LIMIT $p30 }] ORDER BY a1.code LIMIT $p100 }]) AS r

MATCH (a0:Matter {code: $k0})<-[:IMPLEMENTS]-(a1:Offering)
WHERE a1.code > $c0
  AND a1.planEffectiveDate <= coalesce($on, $today) AND (a1.planCancelDate IS NULL OR a1.planCancelDate >= coalesce($on, $today)) AND (a1.supersededOn IS NULL OR a1.supersededOn > coalesce($on, $today))
WITH a1 ORDER BY a1.code LIMIT $f0
RETURN collect([a1.code, a1.planEffectiveDate, a1.supersededOn, a1.flow]) AS r
