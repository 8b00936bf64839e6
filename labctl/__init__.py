"""Instrument control for a levitated-diamond lab."""
