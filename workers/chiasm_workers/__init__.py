"""Celery application, thin tasks and the beat scheduler that reads the catalog."""
