"""Layers that two or more of speakers, fusions and separators use."""
