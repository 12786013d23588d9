"""A campaign of damage and kills; see docs/reliability.md.

``PYTHONPATH=tests python -m campaign --help`` runs it at length, and the tests
in this folder run it in short.
"""
