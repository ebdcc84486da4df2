MATCH (a0:Case {caseNumber: $k0})
WHERE (a0.takenInBy = $caller_county OR a0.handledBy = $caller_county OR a0.pickedUpAt = $caller_county)
RETURN collect([a0.caseNumber, a0.mode, a0.stage, a0.missing,
  head([(a0)-[:FOR]->(a1:Offering) | [a1.code, a1.promisedDays]]),
  head([(a0)-[:FOR]->(a1:Matter) | [a1.name]]),
  head([(a0)-[:TAKEN_IN_BY]->(a1:Jurisdiction) | [a1.name]]),
  head([(a0)-[:HANDLED_BY]->(a1:Jurisdiction) | [a1.name]]),
  head([(a0)-[:PICKED_UP_AT]->(a1:Jurisdiction) | [a1.name]]),
  COLLECT { MATCH (a0)-[:HAS_STEP]->(a1:Step) RETURN [a1.sequence, a1.kind, a1.outcome, a1.county, a1.window, a1.role, a1.takenAt] ORDER BY a1.code LIMIT $p100 },
  COLLECT { MATCH (a0)-[:TIMED_BY]->(a1:Clock) RETURN [a1.name, a1.county, a1.supervisedBy, a1.promisedDays, a1.statutoryDays, a1.spans, a1.ended] ORDER BY a1.order LIMIT $p100 },
  COLLECT { MATCH (a0)-[:HAS_HELP]->(a1:Assistance) RETURN [a1.number, a1.kind, a1.county, a1.window, a1.service, a1.staff, a1.appointedAt, a1.subject, a1.digest] ORDER BY a1.number LIMIT $p100 },
  COLLECT { MATCH (a0)-[:USES]->(a1:License) WHERE a1.sealedBy = $caller_county AND ($basis_holder IS NULL OR EXISTS { (a1)-[:HELD_BY]->(:Holder {key: $basis_holder}) }) RETURN [a1.certificateIdentifier, a1.status] ORDER BY a1.certificateIdentifier LIMIT $p100 },
  COLLECT { MATCH (a0)-[:PRODUCED]->(a1:License) WHERE a1.sealedBy = $caller_county AND ($basis_holder IS NULL OR EXISTS { (a1)-[:HELD_BY]->(:Holder {key: $basis_holder}) }) RETURN [a1.certificateIdentifier] ORDER BY a1.certificateIdentifier LIMIT $p100 }, a0.takenInBy, a0.handledBy, a0.pickedUpAt, a0.stepCount]) AS r
