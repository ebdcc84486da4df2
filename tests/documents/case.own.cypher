MATCH (a0:Case {caseNumber: $k0})
WHERE (a0.takenInBy = $caller_county OR a0.handledBy = $caller_county OR a0.pickedUpAt = $caller_county)
RETURN collect([a0.caseNumber, a0.mode, a0.stage,
  head([(a0)-[:FOR]->(a1:Matter) | [a1.name]]),
  head([(a0)-[:TAKEN_IN_BY]->(a2:Jurisdiction) | [a2.name]]),
  head([(a0)-[:HANDLED_BY]->(a3:Jurisdiction) | [a3.name]]),
  head([(a0)-[:PICKED_UP_AT]->(a4:Jurisdiction) | [a4.name]]),
  COLLECT { MATCH (a0)-[:HAS_STEP]->(a5:Step) RETURN [a5.sequence, a5.kind, a5.outcome, a5.county, a5.window, a5.role, a5.takenAt] ORDER BY a5.code LIMIT $p0 }, a0.takenInBy, a0.handledBy, a0.pickedUpAt, a0.stepCount,
  COLLECT { MATCH (a0)-[:TIMED_BY]->(a6:Clock) RETURN [a6.name, a6.county, a6.promisedDays, a6.statutoryDays, a6.spans, a6.ended] ORDER BY a6.order LIMIT $p1 },
  COLLECT { MATCH (a0)-[:USES]->(a7:License) WHERE a7.sealedBy = $caller_county AND ($basis_holder IS NULL OR EXISTS { (a7)-[:HELD_BY]->(:Holder {key: $basis_holder}) }) RETURN [a7.certificateIdentifier, a7.status] ORDER BY a7.certificateIdentifier LIMIT $p2 },
  COLLECT { MATCH (a0)-[:PRODUCED]->(a8:License) WHERE a8.sealedBy = $caller_county AND ($basis_holder IS NULL OR EXISTS { (a8)-[:HELD_BY]->(:Holder {key: $basis_holder}) }) RETURN [a8.certificateIdentifier] ORDER BY a8.certificateIdentifier LIMIT $p3 }]) AS r
