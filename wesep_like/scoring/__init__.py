"""From speaker embeddings to scores: arrays in, arrays out.

Embeddings are (utterances, dim); what was learnt from some of them scores others.
"""
