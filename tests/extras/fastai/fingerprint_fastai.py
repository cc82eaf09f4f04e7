"""As tests/fingerprint.py, for fastai's own optimizers: a hash over the weights after each step."""

import hashlib
import random
import runpy
import sys

import numpy as np
import torch
from fastai import optimizer as optimizers

digest = hashlib.sha256()


def hear(cls):
    original = cls.step

    def step(self, *args, **kwargs):
        original(self, *args, **kwargs)
        for held in self.param_lists:
            for p in held:
                digest.update(p.detach().reshape(-1).view(torch.uint8).numpy().tobytes())

    cls.step = step


for one in (optimizers.Optimizer, optimizers.Lookahead):
    hear(one)
random.seed(0)
np.random.seed(0)
sys.argv = sys.argv[1:]
try:
    names = runpy.run_path(sys.argv[0], run_name="__main__")
    for p in names["learn"].model.parameters():  # also where an optimizer of PyTorch has made the steps
        digest.update(p.detach().reshape(-1).view(torch.uint8).numpy().tobytes())
finally:
    digest.update(torch.get_rng_state().numpy().tobytes())
    digest.update(repr(random.getstate()).encode())
    digest.update(repr(np.random.get_state()).encode())
    print("fingerprint", digest.hexdigest())
