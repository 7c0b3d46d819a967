"""The catalogue against a few lines of plain Python that say what it must hold."""
