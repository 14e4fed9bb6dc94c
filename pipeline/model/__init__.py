"""Asking a language model: loading it, generating, and the question that holds what the search found.

Nothing in here searches or trains.
"""
