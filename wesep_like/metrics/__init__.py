"""(estimate, target) -> number: larger is better unless the name says otherwise.

Also scores -> error rates of verification, and rows of numbers -> means with intervals.
"""
