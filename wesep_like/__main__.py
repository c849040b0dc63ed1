"""`python -m wesep_like` and the command `wesep-like`."""

from __future__ import annotations

from wesep_like.cli.app import main

if __name__ == "__main__":
    main()
