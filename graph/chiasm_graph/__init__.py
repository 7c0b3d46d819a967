"""Knowledge graph: triples as arrays, samplers, convolutions and the inductive graph encoder."""
