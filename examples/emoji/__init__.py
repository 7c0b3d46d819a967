"""The demo: every emoji as text in three languages, picture, spoken name and graph, in one searchable space."""
