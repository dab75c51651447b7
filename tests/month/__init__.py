"""A month of use in an hour: maps, pools, interrupts and restarts of kernels, and what is held at the end of them."""
