"""The command line: from arguments to calls of the other rooms, one file a subcommand.

A command imports what it needs when it runs, so that `--help` is there at once. Results go to
standard output or to files; whatever else a command says goes to standard error.
"""
