MATCH (a0:Objection {id: $k0})
WHERE (a0.raisedBy = $caller_county OR a0.answeredBy = $caller_county)
RETURN collect([a0.id, a0.kind, a0.raisedBy, a0.raisedAt, a0.answeredBy, a0.certificateIdentifier, a0.certificateTypeCode, a0.holderKey, a0.caseNumber, a0.open, a0.outcome, a0.decidedBy, a0.decidedAt]) AS r

MATCH (a0:Jurisdiction {code: $k0})<-[:OPEN_AT]-(a1:Objection)
WHERE a1.order > $c0
  AND (a1.raisedBy = $caller_county OR a1.answeredBy = $caller_county)
WITH a1 ORDER BY a1.order LIMIT $f0
RETURN collect([a1.id, a1.raisedBy, a1.raisedAt, a1.decidedAt]) AS r

MATCH (a0:License {certificateIdentifier: $k0})
WHERE ($basis_holder IS NULL OR EXISTS { (a0)-[:HELD_BY]->(:Holder {key: $basis_holder}) })
RETURN collect([a0.certificateIdentifier, a0.status, coalesce(a0.disputed, false),
  COLLECT { MATCH (a0)-[:DISPUTED_BY]->(a1:Objection) WHERE (a1.raisedBy = $caller_county OR a1.answeredBy = $caller_county) RETURN [a1.id, a1.open] ORDER BY a1.id LIMIT $p100 }]) AS r
