"""Programs are started from a server that has imported the framework already."""

from tests import program

program._READY += (
    " transformers.trainer transformers.models.gpt2 transformers.models.bert accelerate sklearn.model_selection"
)
program._FORKS.set_forkserver_preload(program._READY.split())
