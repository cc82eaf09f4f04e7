"""Callbacks for the frameworks that own the training loop, one file each; none is imported unasked."""
