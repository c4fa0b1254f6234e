"""A sweep: one recipe with many settings, ranked on validation. What is finished is kept and never run again."""
