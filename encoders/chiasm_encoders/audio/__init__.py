"""Audio encoders: CLAP and the distilled log-mel student."""
