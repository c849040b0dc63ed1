"""How it is learnt: Lightning's trainer, what it writes, optimisers and schedules."""
