"""`python -m lrscope` is the command `lrscope`."""

from lrscope.cli.main import main

if __name__ == "__main__":
    main()
