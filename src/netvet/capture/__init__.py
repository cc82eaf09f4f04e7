"""From a training process to the store. Each framework is tapped at its own seams, in modules of its own."""
