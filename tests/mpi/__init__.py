"""MPI jobs as workers: real ones, started by the mpiexec that is here; without one these tests are skipped."""
