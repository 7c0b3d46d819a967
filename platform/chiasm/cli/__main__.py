"""`python -m chiasm.cli` is `chiasm`."""

from chiasm.cli import main

if __name__ == "__main__":
    main()
