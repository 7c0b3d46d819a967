"""Releases without training: what is measured is how they come and go."""
