"""fastai compiles with what PyTorch has deprecated when it is imported; warnings of its own are not ours."""

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    try:
        import fastai.basics
        import fastai.callback.all  # noqa: F401
    except ImportError:  # the tests will say so
        pass
