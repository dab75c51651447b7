"""ppft servers, and the pools that work on them."""
