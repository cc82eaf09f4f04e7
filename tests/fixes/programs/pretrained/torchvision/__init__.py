"""Stands for torchvision, which the tests do not install: one model, and weights that are always the same."""
