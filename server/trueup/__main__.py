"""`trueup`: the server at once, every other command after the command line library is imported."""

from __future__ import annotations

import sys


def main() -> None:
    """Entry point of the `trueup` command and of `python -m trueup`."""
    if sys.argv[1:2] == ["serve"] and not set(sys.argv[2:]) - {"--stdio"}:
        from trueup import boot  # noqa: PLC0415

        boot.main()
    try:
        from trueup import cli  # noqa: PLC0415

        cli.main()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
