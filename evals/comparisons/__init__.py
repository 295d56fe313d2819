"""Runs beside each other: matched item by item, contrasted, judged, gated."""
