"""Exits with 0 when HEALTH_URL answers with 200 (or is not set), for the images' HEALTHCHECK."""

import os
import sys
import urllib.request


def main() -> int:
    url = os.environ.get("HEALTH_URL")
    if not url:
        return 0
    try:
        with urllib.request.urlopen(url, timeout=4) as answer:  # noqa: S310 - our own setting
            return 0 if answer.status == 200 else 1
    except OSError as error:
        print(f"{url}: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
