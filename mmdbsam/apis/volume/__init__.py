"""Segments volumes slice by slice, from prompts in three dimensions."""
