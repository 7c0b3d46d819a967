"""Processes killed at random while clients write, delete and search; afterwards everything is accounted for."""
