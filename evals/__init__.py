"""Tasks, suites, runs, statistics and the command line."""
