MATCH (a0:Jurisdiction {code: $k0})
WHERE a0.code = $caller_county
RETURN collect([a0.code,
  COLLECT { MATCH (a0)<-[:OPEN_IN]-(a1:Clock) WHERE a1.urgency < coalesce($on, $today) + '~' AND a1.urgency > coalesce($after, '') RETURN [a1.urgency, a1.name, a1.county, a1.promisedDays, a1.statutoryDays, a1.spans, a1.ended, a1.supervisedBy, a1.supervisedAt,
    COLLECT { MATCH (a1)<-[:TIMED_BY]-(a2:Case) WHERE (a2.takenInBy = $caller_county OR a2.handledBy = $caller_county OR a2.pickedUpAt = $caller_county) RETURN [a2.caseNumber, a2.matterCode, a2.stage] ORDER BY a2.caseNumber LIMIT $p1 }] ORDER BY a1.urgency LIMIT $p200 }]) AS r
