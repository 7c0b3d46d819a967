"""What the benchmarks of the service share: servers and clients as processes of their own."""
