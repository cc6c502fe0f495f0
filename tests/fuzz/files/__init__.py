"""Damaged and unusual files, against the readers of those who made the formats."""
