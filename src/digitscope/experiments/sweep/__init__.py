"""A sweep: one recipe with many settings, ranked on validation. Finished trials are never run again."""
