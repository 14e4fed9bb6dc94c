"""Finding products: embeddings, the index in Chroma, the keyword index, and the retriever over both.

Nothing in here loads a language model.
"""
