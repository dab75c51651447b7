"""Where the two wings meet: hosts that are reached by ssh become places that work runs at."""
