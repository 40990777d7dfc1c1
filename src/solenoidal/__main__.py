"""``python -m solenoidal`` is the command ``solenoidal``."""

from __future__ import annotations

from solenoidal.cli import main

if __name__ == "__main__":
    main()
