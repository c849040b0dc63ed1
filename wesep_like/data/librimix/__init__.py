"""LibriMix (Cosentino et al., 2020): made from LibriSpeech, WHAM! and its published metadata."""
