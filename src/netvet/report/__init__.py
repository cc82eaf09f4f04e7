"""Views of a diagnosis: `view` makes one plain dict, everything else renders that dict and sees nothing else."""
