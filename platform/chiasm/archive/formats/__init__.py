"""Formats of an export, one file each."""
