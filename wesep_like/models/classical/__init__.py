"""Mixtures of Gaussians and what is made of them: the speaker models from before networks."""
