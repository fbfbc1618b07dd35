"""The seed has no configuration: the usual folders."""
