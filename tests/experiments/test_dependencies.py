import torch
from torch import nn
from torch.nn import functional as F

from netvet.experiments.dependencies import dependencies
from tests.experiments.problems import lab, mlp


class Mixing(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = mlp()

    def forward(self, x):
        return self.net(x.reshape(64, -1).transpose(0, 1).contiguous().view(-1, 64) if len(x) != 64 else x)


class Language(nn.Module):
    """Predicts the next token; with the mask left out it sees it."""

    def __init__(self, *, causal):
        super().__init__()
        self.embedding, self.position = nn.Embedding(20, 16), nn.Embedding(12, 16)
        self.layer = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.0, batch_first=True)
        self.head, self.causal = nn.Linear(16, 20), causal

    def forward(self, ids):
        steps = ids.shape[1]
        x = self.embedding(ids) + self.position(torch.arange(steps))
        mask = nn.Transformer.generate_square_subsequent_mask(steps) if self.causal else None
        return self.head(self.layer(x, src_mask=mask))


class Pooled(nn.Module):
    """Takes the mean over a sequence, of what the mask leaves in or of everything."""

    def __init__(self, *, masked):
        super().__init__()
        self.embedding, self.head, self.masked = nn.Embedding(20, 16), nn.Linear(16, 2), masked

    def forward(self, ids, mask):
        x = self.embedding(ids)
        if not self.masked:
            return self.head(x.mean(1))
        return self.head((x * mask[..., None]).sum(1) / mask.sum(1, keepdim=True))


def text():
    ids = torch.randint(0, 20, (64, 13), generator=torch.Generator().manual_seed(0))
    return [(ids[i : i + 16, :-1], ids[i : i + 16, 1:]) for i in range(0, 64, 16)]


def padded():
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(1, 20, (32, 9), generator=generator)
    mask = (torch.arange(9) < torch.randint(3, 10, (32, 1), generator=generator)).long()
    ids = ids * mask
    return [((ids[i : i + 8], mask[i : i + 8]), ids[i : i + 8, 0] % 2) for i in range(0, 32, 8)]


def of_tokens(output, target):
    return F.cross_entropy(output.flatten(0, 1), target.flatten())


def test_batch_norm_in_training_mode_is_right():
    outcome = dependencies.run(lab(lambda: nn.Sequential(nn.Linear(64, 32), nn.BatchNorm1d(32), nn.Linear(32, 10))))
    assert outcome.verdict == "passed"


def test_samples_that_mix_fail():
    outcome = dependencies.run(lab(Mixing))
    assert outcome.verdict == "failed"
    assert outcome.suspects == ("batch-mixing",)


class _Shuffles(torch.autograd.Function):
    """Gives what it gets, and the gradients of samples to other samples."""

    @staticmethod
    def forward(context, x):
        return x.clone()

    @staticmethod
    def backward(context, grad):
        return grad.roll(1, 0)


class WrongBackward(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = mlp()

    def forward(self, x):
        return self.net(_Shuffles.apply(x))


def test_a_gradient_that_no_output_follows_is_no_mixing():
    outcome = dependencies.run(lab(WrongBackward))
    assert outcome.verdict == "not assessed"
    assert "backward of your own" in outcome.message


def test_a_causal_language_model_passes():
    outcome = dependencies.run(lab(lambda: Language(causal=True), text(), of_tokens))
    assert outcome.verdict == "passed"
    assert "later" in outcome.message


def test_a_language_model_that_sees_the_next_token_fails():
    outcome = dependencies.run(lab(lambda: Language(causal=False), text(), of_tokens))
    assert outcome.verdict == "failed"
    assert outcome.suspects == ("future-leak",)


def test_a_mask_that_is_applied_passes_and_one_that_is_ignored_fails():
    assert dependencies.run(lab(lambda: Pooled(masked=True), padded())).verdict == "passed"
    outcome = dependencies.run(lab(lambda: Pooled(masked=False), padded()))
    assert outcome.verdict == "failed"
    assert outcome.suspects == ("ignored-mask",)
