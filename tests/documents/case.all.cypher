MATCH (a0:Case {caseNumber: $k0})
WHERE (a0.takenInBy = $caller_county OR a0.handledBy = $caller_county OR a0.pickedUpAt = $caller_county)
RETURN collect([a0.caseNumber, a0.mode, a0.stage, a0.missing,
  head([(a0)-[:FOR]->(a1:Offering) | [a1.code, a1.promisedDays]]),
  head([(a0)-[:FOR]->(a2:Matter) | [a2.name]]),
  head([(a0)-[:TAKEN_IN_BY]->(a3:Jurisdiction) | [a3.name]]),
  head([(a0)-[:HANDLED_BY]->(a4:Jurisdiction) | [a4.name]]),
  head([(a0)-[:PICKED_UP_AT]->(a5:Jurisdiction) | [a5.name]]),
  COLLECT { MATCH (a0)-[:HAS_STEP]->(a6:Step) RETURN [a6.sequence, a6.kind, a6.outcome, a6.county, a6.window, a6.role, a6.takenAt] ORDER BY a6.code LIMIT $p0 }, a0.takenInBy, a0.handledBy, a0.pickedUpAt, a0.stepCount,
  COLLECT { MATCH (a0)-[:TIMED_BY]->(a7:Clock) RETURN [a7.name, a7.county, a7.promisedDays, a7.statutoryDays, a7.spans, a7.ended] ORDER BY a7.order LIMIT $p1 },
  COLLECT { MATCH (a0)-[:USES]->(a8:License) RETURN [a8.certificateIdentifier, a8.status] ORDER BY a8.certificateIdentifier LIMIT $p2 },
  COLLECT { MATCH (a0)-[:PRODUCED]->(a9:License) RETURN [a9.certificateIdentifier] ORDER BY a9.certificateIdentifier LIMIT $p3 }]) AS r
