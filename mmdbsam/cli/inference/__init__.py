"""Prompts from files and results in files, for ``mmdbsam infer``."""
