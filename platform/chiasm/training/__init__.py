"""Snapshots, splits, the trainer and evaluation; reads no SQL, no queue and no index."""
