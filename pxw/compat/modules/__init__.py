"""What the child process of a script finds on `sys.path`: the modules that old scripts import, and what runs them."""
