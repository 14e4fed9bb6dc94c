"""Teaching a language model: examples, the memory plan, the trainer, and what is made of the adapter.

Nothing in here searches.
"""
