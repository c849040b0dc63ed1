"""Plain speaker encoders: what their config says, and the parts of their run."""
