MATCH (a0:Case {caseNumber: $k0})
WHERE (a0.takenInBy = $caller_county OR a0.handledBy = $caller_county OR a0.pickedUpAt = $caller_county)
RETURN collect([a0.caseNumber, a0.stage,
  COLLECT { MATCH (a0)-[:HAS_APPEAL]->(a1:HotlineAppeal) RETURN [a1.id, a1.kind, a1.receivedBy, a1.receivedAt, a1.passedTo, a1.passedAt, a1.outcome, a1.answeredAt] ORDER BY a1.order LIMIT $p100 },
  COLLECT { MATCH (a0)-[:HAS_STEP]->(a1:Step) WHERE a1.rating IS NOT NULL RETURN [a1.rating, a1.takenAt] ORDER BY a1.code LIMIT $p1 },
  COLLECT { MATCH (a0)-[:FOLLOWED_UP_BY]->(a1:FollowUp) RETURN [a1.doneAt, a1.outcome] ORDER BY a1.code LIMIT $p1 }]) AS r
