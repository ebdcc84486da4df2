MATCH (a0:Case {caseNumber: $k0})
WHERE (a0.takenInBy = $caller_county OR a0.handledBy = $caller_county OR a0.pickedUpAt = $caller_county)
RETURN collect([a0.caseNumber, a0.stage,
  COLLECT { MATCH (a0)-[:HAS_APPEAL]->(a1:HotlineAppeal) RETURN [a1.id, a1.kind, a1.receivedBy, a1.receivedAt, a1.passedAt, a1.passedTo, a1.answeredAt, a1.outcome] ORDER BY a1.order LIMIT $p0 },
  COLLECT { MATCH (a0)-[:HAS_STEP]->(a2:Step) WHERE a2.rating IS NOT NULL RETURN [a2.rating, a2.takenAt] ORDER BY a2.code LIMIT $p1 },
  COLLECT { MATCH (a0)-[:FOLLOWED_UP_BY]->(a3:FollowUp) RETURN [a3.doneAt, a3.outcome] ORDER BY a3.code LIMIT $p2 }]) AS r
