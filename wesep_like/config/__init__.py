"""From text to objects: YAML files, names of classes, dataclasses of options.

Knows no other room. Whatever a user can write wrongly in a config is found here, before any data is
read, and all of it is told at once, each with its key path and what would have been right.
"""
