"""Volumes: prompts in three dimensions, and masks slice by slice."""
