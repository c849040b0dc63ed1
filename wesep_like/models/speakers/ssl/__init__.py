"""Speaker modules whose front-end was trained on speech without labels."""
