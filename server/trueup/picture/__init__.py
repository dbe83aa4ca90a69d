"""Packages and layers as a picture: an SVG to look at, and an HTML page to look into.

Pure: text out of values. Knows no project, no files and no contracts of its own.
"""

from __future__ import annotations

from trueup.picture.page import page
from trueup.picture.svg import svg
from trueup.picture.values import Drawing, Layer

__all__ = ["Drawing", "Layer", "page", "svg"]
