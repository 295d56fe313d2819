"""Drivers and layers, each a Backend."""
