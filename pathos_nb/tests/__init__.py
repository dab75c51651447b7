"""A self-test of the installed package: ``python -m pathos_nb.tests``.

Every launcher that can run here is tried in a process of its own, with an end to each wait; then a cell, and whether
JupyterLab can find the side panel. The tests by which the package is built are another thing, and stay with its source.
"""
