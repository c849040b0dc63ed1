"""Ready-to-use models: waveforms of any rate and length in, a voice or an embedding out.

`Extractor` and `Embedder` hold a model and its device, check and resample what they are given, and
work through long audio in pieces, so that memory does not grow with its length. No files but the
model's are read here.
"""
