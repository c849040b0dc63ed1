"""Simulated mixtures: `draw` decides them, `render` computes them."""
