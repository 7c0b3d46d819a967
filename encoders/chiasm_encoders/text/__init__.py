"""Text encoders: sentence-transformers and the text tower of open_clip."""
