"""Random faults on random launchers, for as long as one likes; ``python -m tests.soak``."""
