"""Readers of the logs that people already have: one file a format, standard library and NumPy only.

Nothing of a log is ever executed: no pickle, no YAML tag. `find.read` takes files and folders, `roles` guesses what
each column is, `log_run` makes a run with netvet's own signals of it.
"""
