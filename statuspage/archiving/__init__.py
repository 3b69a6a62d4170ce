"""Keeping copies: `exporting` for other programs and for people, `backups` and `restoring` for ourselves."""
