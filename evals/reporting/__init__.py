"""Runs as one self-contained page: tables and charts that need no script, and every problem to look through.

`writing` says what goes in; `gathering`, `problems` and `packing` how the problems travel; `figures` what is said of
runs, which `charts` and `scales` draw and `page` puts into HTML; `page/` is what a browser gets. (The package has
another name than the function `evals.report`, so that importing it cannot put a module in a function's place.)
"""
