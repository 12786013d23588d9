"""What ``gpu_report.py`` measures, a module a section.

A section is a function ``run(settings)`` that yields rows, which are dicts
from the names of a table's columns to their values, as it goes along.
"""
