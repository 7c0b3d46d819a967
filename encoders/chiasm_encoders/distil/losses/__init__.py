"""One loss a file; each takes tensors and returns a scalar."""
