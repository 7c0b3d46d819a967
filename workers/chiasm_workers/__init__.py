"""Worker processes: Celery application, lanes and their runners, beat, and all of them in one tree.

Nothing heavy is imported here: a worker starts its runners before it imports anything itself.
"""
