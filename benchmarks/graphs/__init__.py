"""Parts of `benchmarks.graph`: each runs as a process of its own and prints one line of JSON."""
