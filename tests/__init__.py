"""The tests of pathos_nb; the folders mirror the package."""
