"""The child process of one old script: the standard library only, and any Python from 3.8 on."""
