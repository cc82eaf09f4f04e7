"""Look at all of the data in one pass: readers -> chunks -> one row a sample and summaries -> signals -> checks.

A reader gives a `Source`: splits, cut into shards that can be read apart. `describe` turns each chunk into one row a
sample (fingerprint, features, attributes); `scan` does so for all shards, here or on other machines, and joins the rows
to one `Index` a split. `faults` are functions of these rows; each gives the records of one signal.
"""
