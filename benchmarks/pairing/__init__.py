"""Parts of `benchmarks.digits`."""
