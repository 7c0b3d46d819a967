"""The demo: every emoji as text, picture, spoken name and graph, in one searchable space."""
