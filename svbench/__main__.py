"""The command ``svbench``, also as ``python -m svbench``."""

import sys


def main() -> int:
    """Run one command; Ctrl-C while its modules are still being imported leaves no traceback."""
    try:
        from svbench.cli import main as command_line

        return command_line.main()
    except KeyboardInterrupt:
        if sys.stderr:
            sys.stderr.write("svbench: interrupted\n")
        return 130


if __name__ == "__main__":
    sys.exit(main())
