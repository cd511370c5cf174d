"""The engines that turn pairs into revisions. Importing this package loads no engine and no torch."""

from reviser.engines import build_reviser

__all__ = ["build_reviser"]
