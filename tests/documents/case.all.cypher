MATCH (a0:Case {caseNumber: $k0})
WHERE (a0.takenInBy = $caller_county OR a0.handledBy = $caller_county OR a0.pickedUpAt = $caller_county)
RETURN collect([a0.caseNumber, a0.mode, a0.stage, a0.missing,
  head([(a0)-[:FOR]->(a1:Offering) | [a1.code, a1.promisedDays]]),
  head([(a0)-[:FOR]->(a2:Matter) | [a2.name]]),
  head([(a0)-[:TAKEN_IN_BY]->(a3:Jurisdiction) | [a3.name]]),
  head([(a0)-[:HANDLED_BY]->(a4:Jurisdiction) | [a4.name]]),
  head([(a0)-[:PICKED_UP_AT]->(a5:Jurisdiction) | [a5.name]]),
  COLLECT { MATCH (a0)-[:HAS_STEP]->(a6:Step) RETURN [a6.sequence, a6.kind, a6.outcome, a6.county, a6.window, a6.role, a6.takenAt] ORDER BY a6.code LIMIT $p0 }, a0.takenInBy, a0.handledBy, a0.pickedUpAt, a0.stepCount,
  COLLECT { MATCH (a0)-[:TIMED_BY]->(a7:Clock) RETURN [a7.name, a7.county, a7.promisedDays, a7.statutoryDays, a7.spans, a7.ended, a7.supervisedBy] ORDER BY a7.order LIMIT $p1 },
  COLLECT { MATCH (a0)-[:HAS_HELP]->(a8:Assistance) RETURN [a8.number, a8.kind, a8.county, a8.window, a8.service, a8.staff, a8.appointedAt, a8.subject, a8.digest] ORDER BY a8.number LIMIT $p2 },
  COLLECT { MATCH (a0)-[:USES]->(a9:License) WHERE ($basis_holder IS NULL OR EXISTS { (a9)-[:HELD_BY]->(:Holder {key: $basis_holder}) }) RETURN [a9.certificateIdentifier, a9.status] ORDER BY a9.certificateIdentifier LIMIT $p3 },
  COLLECT { MATCH (a0)-[:PRODUCED]->(a10:License) WHERE ($basis_holder IS NULL OR EXISTS { (a10)-[:HELD_BY]->(:Holder {key: $basis_holder}) }) RETURN [a10.certificateIdentifier] ORDER BY a10.certificateIdentifier LIMIT $p4 }]) AS r
