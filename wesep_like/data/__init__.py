"""What there is, what to mix, and what it sounds like; ends where a batch begins."""
