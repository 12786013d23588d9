"""What all pages have in common: templates, tables and the style of plots."""
