"""Properties that hold for any input: chunk sizes, frames, order."""
