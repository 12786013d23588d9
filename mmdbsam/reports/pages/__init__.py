"""The common parts of all pages: templates, tables and the plots' style."""
