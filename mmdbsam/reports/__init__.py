"""What evaluations say, as pages, tables and pictures."""
