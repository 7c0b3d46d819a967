"""What the system's packages hold, one reader a file."""
