"""Run a script and print what training made of it: a hash over every optimizer step, and the state of the generators.

Used by test_corpus.py, with and without netvet around it: both must print the same.
"""

import hashlib
import random
import runpy
import sys

import numpy as np
import torch
from torch.optim.optimizer import register_optimizer_step_post_hook

digest = hashlib.sha256()


def by_a_probe():
    """The step is one that netvet takes on a copy."""
    frame = sys._getframe(1)
    while frame is not None:
        name = frame.f_code.co_filename.replace("\\", "/")
        if "/netvet/capture/torch_" in name and not name.endswith("torch_taps_loop.py"):
            return True
        frame = frame.f_back
    return False


def add_weights(optimizer, _args, _kwargs):
    if by_a_probe():
        return
    for group in optimizer.param_groups:
        for p in group["params"]:
            digest.update(
                p.detach().contiguous().view(torch.uint8).numpy().tobytes() if p.dim() else p.detach().numpy().tobytes()
            )


register_optimizer_step_post_hook(add_weights)
# Programs that seed only PyTorch must be comparable, too.
random.seed(0)
np.random.seed(0)
sys.argv = sys.argv[1:]
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
finally:
    digest.update(torch.get_rng_state().numpy().tobytes())
    digest.update(repr(random.getstate()).encode())
    digest.update(repr(np.random.get_state()).encode())
    print("fingerprint", digest.hexdigest())
