"""What is done with a result when it is there: tables, grids, parts, files, reports, plots, checks."""
