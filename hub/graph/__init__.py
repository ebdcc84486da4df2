"""Access to the graph over Bolt: the compiler for reads, literal statements for writes."""
