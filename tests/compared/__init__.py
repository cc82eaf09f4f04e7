"""Small training programs with one thing that can be changed each, to compare their runs."""
