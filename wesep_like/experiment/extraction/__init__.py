"""Target-speaker extraction: what its config says, and the parts of its run."""
