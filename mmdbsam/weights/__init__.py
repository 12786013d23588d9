"""The download and the loading of checkpoints."""
