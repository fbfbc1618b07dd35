"""What the child process of a script starts with: `python pxw_main.py MANIFEST FOLDER... PIPE`.

Its folder comes first on `sys.path`, so this is also what makes the compatibility modules importable.
"""

from pxw_script.start import main  # type: ignore[import-not-found]  # in a child process it is

if __name__ == "__main__":
    main()
