"""Tar shards, as WeSep, WeNet and WebDataset write them: `KEY.wav|flac|...` beside `KEY.spk`."""
