"""Finished points on disk: what they are known by, where they lie, and how a cut-short sweep finds them again."""
