"""What makes two contents alike, one signal a file; they know no SQL."""
