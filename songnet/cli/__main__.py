"""``python -m songnet.cli``."""

from songnet.cli.app import run

if __name__ == "__main__":
    run()
