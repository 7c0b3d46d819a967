"""Text, image and audio encoders behind one protocol: pretrained teachers and distilled students."""
