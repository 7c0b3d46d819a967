"""What `benchmarks.search` is made of: the data, the measuring, bare FAISS, and our own side."""
