"""Stores: where datasets live. A store finds files, and publishes a finished file under its final name."""
