"""Runs as one self-contained page: tables and charts that need no script, and every problem to look through.

`writing` says what goes in; `gathering`, `problems` and `packing` how the problems travel; `page` puts the figures into
HTML, `charts` and `scales` draw them; `page/` is what a browser gets. (The package has another name than the function
`evals.report`, so that importing it cannot put a module in a function's place.)
"""
