"""Fixtures that several test files share."""

from .stand_in_page import page

__all__ = ["page"]
