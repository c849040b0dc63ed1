"""How good a model is: extraction on fixed mixtures, verification on lists of trials.

Nothing here trains or prints; a command line or a recipe calls it and shows what it returns.
"""
