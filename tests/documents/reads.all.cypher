MATCH (a0:Holder {key: $k0})
WHERE (a0.key = $caller_holder OR EXISTS { MATCH (a0)<-[:HELD_BY]-(y:License) WHERE y.sealedBy = $caller_county })
RETURN collect([]) AS r
