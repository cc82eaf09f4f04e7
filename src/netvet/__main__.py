"""`python -m netvet` is the same as `netvet`."""

from netvet.cli import main

if __name__ == "__main__":
    main()
