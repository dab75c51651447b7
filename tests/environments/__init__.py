"""Surroundings that are not as they should be: the same day's work in each of them."""
