"""Pages, tables and pictures of the results of evaluations."""
