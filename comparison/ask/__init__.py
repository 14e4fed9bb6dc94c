"""Titles of one's own, four systems side by side: `python compare_models.py --ask`. It adds nothing on import."""
