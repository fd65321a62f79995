"""How fast the package is: against a plain baseline, and against the LAPACK calls underneath."""
