"""Images as the weights that were loaded expect them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from netvet.fixes.fix import fix
from netvet.fixes.preprocessing import transformed
from netvet.fixes.program import Program
from netvet.fixes.samples import training_input
from netvet.fixes.source import Editor, NotApplicable

# Mean and std of the colours of ImageNet's training images, as the documentation of torchvision's models has them.
HEAD = """IMAGENET_MEAN = torch.tensor([0.485, 0.456, 0.406]).view(-1, 1, 1)
IMAGENET_STD = torch.tensor([0.229, 0.224, 0.225]).view(-1, 1, 1)
"""
# A model of these packages with weights: they were trained on ImageNet unless another name is given.
LOADED = re.compile(
    r"\bpretrained\s*=\s*True|IMAGENET1K|\bweights\s*=\s*['\"]DEFAULT|_Weights\b|\btimm\.create_model\([^)]*pretrained"
)
PACKAGES = re.compile(r"^\s*(?:from|import)\s+(?:torchvision|timm)\b", re.MULTILINE)
BYTES = 16.0  # largest value from which on the pixels were not scaled at all
SLACK = 1.01  # resizing may overshoot a little


@fix(title="inputs normalised as pretrained weights expect", mends=("unscaled-input", "uncentred-input"))
def pretrained_normalisation(program: Program) -> Iterator[Editor]:
    """Normalise images with the mean and standard deviation of ImageNet, which pretrained weights were trained with.

    ## What it changes
    A function `as_pretrained`, through which the inputs go at each call of the model, in training and in evaluation;
    bytes are divided by 255 before.

    ## Known problems
    Weights of other data (CLIP, Inception of TensorFlow) expect other numbers: `weights.transforms()` of torchvision
    and `timm.data.resolve_model_data_config` name them. With a batch norm behind the input or all layers trained for
    long, little is gained.

    ## References
    The documentation of torchvision, "Models and pre-trained weights".
    """
    record = training_input(program)
    shape, low, high = list(record.get("shape") or ()), record.get("min"), record.get("max")
    if len(shape) != 4 or shape[1] != 3:
        raise NotApplicable("the inputs are no colour images")
    if low is None or high is None or low < 0 or high > 255:
        raise NotApplicable("the images are normalised already")
    if SLACK < high <= BYTES:
        raise NotApplicable("the images are neither bytes nor between 0 and 1")
    files = {str(r.get("file")) for name in ("calls", "optimizers") for r in program.facts(name) if r.get("file")}
    texts = [program.sources.file(path).text for path in sorted(files)]
    if not any(LOADED.search(text) and PACKAGES.search(text) for text in texts):
        raise NotApplicable("no weights that were trained on ImageNet are loaded with the model")
    scaled = "x / 255" if high > BYTES else "x"
    doc = "Images with the mean and std of ImageNet's colours taken out, as the pretrained weights expect."
    body = f"({scaled} - IMAGENET_MEAN.to(x)) / IMAGENET_STD.to(x)"
    yield transformed(
        program, record, "inputs normalised as pretrained weights expect", "as_pretrained", doc, body, HEAD
    )
