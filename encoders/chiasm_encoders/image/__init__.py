"""Image encoders: open_clip's image tower and the distilled student."""
