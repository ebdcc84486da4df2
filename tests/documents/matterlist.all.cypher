MATCH (a0:MatterVersion)
WHERE a0.code > $c0
  AND ($type IS NULL OR a0.type = $type)
  AND ($mode IS NULL OR a0.mode = $mode)
  AND a0.listed AND coalesce(a0.since, '') <= coalesce($on, $today) AND (a0.until IS NULL OR a0.until > coalesce($on, $today))
WITH a0 ORDER BY a0.code LIMIT $f0
RETURN collect([a0.matterCode, a0.name, a0.type, a0.mode, a0.since, a0.until, a0.logIndex,
  head([(a0)<-[:HAS_VERSION]-(a1:Matter) | [a1.listedFrom, a1.listedUntil]]), a0.code]) AS r

MATCH (a0:Matter {code: $k0})
RETURN collect([a0.name, a0.listedFrom, a0.listedUntil,
  COLLECT { MATCH (a0)-[:HAS_VERSION]->(a1:MatterVersion) WHERE a1.listed RETURN [a1.name, a1.since, a1.until] ORDER BY a1.code LIMIT $p50 }]) AS r
