"""What the tests stand on: a census of processes, scripts of their own, the launchers there are, the kinds of map."""
