"""What goes wrong, and what then: bad object x place x launcher x kind of map, and the error each must end in."""
