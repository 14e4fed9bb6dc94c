"""What a product is: the raw file, its cleaning, the clean catalogue, the prompts with a product in them.

Nothing in here loads a model.
"""
