"""Words of the names of metrics: which side of the data, which clock, which kind of number."""

from __future__ import annotations

import re

VAL = frozenset({"val", "valid", "validation", "validate", "eval", "evaluation", "test", "testing", "dev", "holdout"})
TRAIN = frozenset({"train", "training", "tr", "fit", "trn"})
EPOCH = frozenset({"epoch", "epochs", "ep"})
STEP = frozenset({"step", "steps", "iter", "iters", "iteration", "iterations", "it", "itr", "batch", "batches",
                  "update", "updates", "globalstep", "timestep",
                  "timesteps"})  # fmt: skip
LOSS = frozenset({"loss", "losses", "nll", "cost", "objective"})
# Losses where nothing is called a loss.
ERRORS = frozenset({"mse", "rmse", "mae", "error", "bce", "ce", "xent", "crossentropy", "logloss", "perplexity", "ppl",
                    "bpc", "bpb", "elbo"})  # fmt: skip
ACCURACY = frozenset({"acc", "accuracy", "top1", "acc1", "acc@1", "acc@", "categoricalaccuracy"})
REWARD = frozenset({"reward", "rewards", "return", "returns", "episode", "episodic", "rollout", "rew", "advantage"})
# Parts of adversarial and reinforcement learning: their losses need not fall.
GAMES = frozenset({"d", "g", "gen", "disc", "generator", "discriminator", "critic", "actor", "policy", "value", "adv",
                   "adversarial", "entropy", "fake", "real", "q", "td"})  # fmt: skip
CLOCK = frozenset({"time", "timestamp", "duration", "elapsed", "runtime", "seconds", "second", "sec", "eta", "mfu",
                   "throughput", "fps", "speed", "ms", "samples", "tokens", "tok", "memory", "mem", "gpu", "wall",
                   "dt"})  # fmt: skip


_PARTS = re.compile(r"[A-Z]{2,}(?![a-z])|[A-Z]?[a-z]+[@\d]*|[@\d.]+|[A-Z]")


def words_of(name: str) -> list[str]:
    """The words of a name, small: `trainLoss_epoch` is train, loss, epoch."""
    return [part.lower() for part in _PARTS.findall(name[:200])]
