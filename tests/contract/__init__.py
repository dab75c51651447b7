"""One suite, run over every registered launcher: what a launcher has to keep to be one."""
