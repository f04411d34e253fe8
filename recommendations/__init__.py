"""What they will want: training, model registry, scoring, serving."""
