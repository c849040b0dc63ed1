"""Speaker encoders without labels: what their config says, and the parts of their run."""
