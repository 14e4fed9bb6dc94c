"""Script 5: index the catalogue in Chroma.

    python rag_indexing.py
    python rag_indexing.py --rag.max_records 0          the whole catalogue

Each product becomes a document `Product: ... - Description: ...`, split where it is longer than the embedding model
reads. A document's id is a hash of its text: a second run adds nothing, an interrupted one goes on, and documents of
products that have left the catalogue are removed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pprint import pprint
from typing import TYPE_CHECKING

from config import Settings
from pipeline.artifacts import meta_path, write_meta
from pipeline.catalogue import Product, read_products
from pipeline.errors import UserError
from pipeline.messages import N_, _
from pipeline.progress import progress_bar
from pipeline.prompts import document_text
from pipeline.script import run, show_settings
from pipeline.vector_store import load_embedding_model, open_client, open_collection

if TYPE_CHECKING:
    from chromadb.api.models.Collection import Collection
    from langchain_core.documents import Document
    from langchain_huggingface import HuggingFaceEmbeddings

DESCRIPTION = N_("Script 5: index the catalogue in Chroma.")

SLICE = 200  # products in memory at a time, and between two moves of the bar
ID_PAGE = 10_000  # ids asked from Chroma at a time
SHORTEST_PART = 32  # tokens of a description that a part holds even below a very long title
SHOWN_NUMBERS = 5  # of the example of an embedding


def main(settings: Settings) -> None:
    show_settings(settings, "rag")
    total = count_products(settings)
    embeddings = load_embedding_model(settings)
    split = splitter_for(embeddings)
    show_examples(next(read_products(settings.data.processed_file)), embeddings, split)
    collection = open_unfinished_collection(settings)
    added, ids = add_documents(collection, total, embeddings, split, settings)
    removed = remove_others(collection, ids)
    finish(settings, added, removed, len(ids), total)


def count_products(settings: Settings) -> int:
    """How many products there are to index. Raises UserError where there is none."""
    print("\n" + _("Loading the data from the processed file..."), flush=True)
    total = sum(1 for _product in read_products(settings.data.processed_file, settings.rag.max_records))
    if not total:
        raise UserError(_("{file} holds no product.").format(file=settings.data.processed_file))
    print(_("Total records: {n:,}").format(n=total))
    return total


def splitter_for(embeddings: HuggingFaceEmbeddings) -> Callable[[Product], list[Document]]:
    """A function that turns a product into its documents: one, or several where one would exceed the model's window.

    Each part carries the title, ends at the end of a sentence where it can, and is at most as long as the embedding
    model reads (256 tokens for all-MiniLM-L6-v2, 384 for all-mpnet-base-v2).
    """
    from langchain_core.documents import Document
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    model = embeddings._client
    window = model.max_seq_length - 2  # two tokens mark the start and the end

    def tokens(text: str) -> int:
        return len(model.tokenizer.tokenize(text))

    def parts(product: Product) -> list[str]:
        if tokens(document_text(*product)) <= window:
            return [product.description]
        return RecursiveCharacterTextSplitter(
            separators=[". ", "! ", "? ", "; ", ", ", " ", ""],
            keep_separator="end",
            chunk_size=max(SHORTEST_PART, window - tokens(document_text(product.product, ""))),
            chunk_overlap=0,
            length_function=tokens,
        ).split_text(product.description)

    def split(product: Product) -> list[Document]:
        texts = [document_text(product.product, part) for part in parts(product)]
        return [Document(text, id=document_id(text), metadata={"product": product.product}) for text in texts]

    return split


def document_id(text: str) -> str:
    """32 hex digits that follow from the text alone."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:32]


def show_examples(
    product: Product, embeddings: HuggingFaceEmbeddings, split: Callable[[Product], list[Document]]
) -> None:
    """Print what becomes of the first product on its way into the index."""
    print("\n" + _("Example record:"))
    pprint(product._asdict(), width=100)
    print("\n" + _("Splitting JSON documents into chunks..."))
    document = split(product)[0]
    print("\n" + _("Example chunk:") + f"\n{document.page_content}")
    print("\n" + _("Generating embeddings for the chunks..."))
    vector = embeddings.embed_query(document.page_content)
    numbers = ", ".join(f"{number:.6f}" for number in vector[:SHOWN_NUMBERS])
    print("\n" + _("Example embedding:") + f"\n[{numbers}, ...] " + _("({n} numbers)").format(n=len(vector)))
    print("\n" + _("Converting json_data into lc_documents..."))
    print("\n" + _("Example lc_document:"))
    pprint(document, width=100)


# --------------------------------------------------------------------------------------------------------- indexing


def open_unfinished_collection(settings: Settings) -> Collection:
    """The collection to write into; until the end of the run, no other script takes the index for complete."""
    print("\n" + _("Creating the vector_store for the embeddings_model..."), flush=True)
    settings.rag.chroma_dir.mkdir(parents=True, exist_ok=True)
    meta_path(settings.rag.chroma_dir).unlink(missing_ok=True)
    collection = open_collection(open_client(settings), settings)
    print("\n" + _("vector_store created!"))
    return collection


def add_documents(
    collection: Collection,
    total: int,
    embeddings: HuggingFaceEmbeddings,
    split: Callable[[Product], list[Document]],
    settings: Settings,
) -> tuple[int, set[str]]:
    """Embed and store what is not in the index yet, a slice of products at a time.

    Returns how many documents were added, and the ids of all documents of the catalogue.
    """
    print("\n" + _("Populating the vector_store..."))
    print("\n" + _("Adding the documents to the vector_store...") + "\n", flush=True)
    products = read_products(settings.data.processed_file, settings.rag.max_records)
    largest = collection._client.get_max_batch_size()  # of one call, a limit of SQLite
    added, ids = 0, set()
    with progress_bar(_("Indexing products"), total=total) as bar:
        for products_of_slice in slices(products, SLICE):
            documents = {document.id: document for product in products_of_slice for document in split(product)}
            ids.update(documents)
            for id_ in existing(collection, list(documents)):
                del documents[id_]
            for batch in slices(documents.values(), largest):
                texts = [document.page_content for document in batch]
                collection.add(
                    ids=[document.id for document in batch],
                    documents=texts,
                    metadatas=[document.metadata for document in batch],
                    embeddings=embeddings.embed_documents(texts),
                )
                added += len(batch)
            bar.update(len(products_of_slice))
    return added, ids


def existing(collection: Collection, ids: list[str]) -> list[str]:
    """Those of `ids` that the collection holds."""
    return [id_ for page in slices(ids, ID_PAGE) for id_ in collection.get(ids=page, include=[])["ids"]]


def remove_others(collection: Collection, ids: set[str]) -> int:
    """Remove the documents whose product has changed or left the catalogue; returns how many."""
    stored = (
        id_
        for offset in range(0, collection.count(), ID_PAGE)
        for id_ in collection.get(limit=ID_PAGE, offset=offset, include=[])["ids"]
    )
    others = [id_ for id_ in stored if id_ not in ids]
    for page in slices(others, ID_PAGE // 2):
        collection.delete(ids=page)
    return len(others)


def slices(items: Iterable, size: int) -> Iterator[list]:
    """`items` in lists of `size`, the last one shorter."""
    iterator = iter(items)
    while part := list(islice(iterator, size)):
        yield part


def finish(settings: Settings, added: int, removed: int, documents: int, products: int) -> None:
    """Say beside the index what it was made from: from now on it is complete."""
    write_meta(
        settings.rag.chroma_dir,
        settings.rag.model_dump(mode="json"),
        [settings.data.processed_file],
        records=products,
        documents=documents,
    )
    print("\n" + _("Total chunks: {n:,}").format(n=documents))
    print(_("Total embeddings generated in this run: {n:,}").format(n=added))
    print(_("Total documents removed, since their product has changed or is gone: {n:,}").format(n=removed))
    print("\n" + _("Documents loaded!"))


if __name__ == "__main__":
    run(main, DESCRIPTION)
