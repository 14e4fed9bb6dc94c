"""Script 5: index the catalogue in Chroma.

    python rag_indexing.py
    python rag_indexing.py --rag.max_records 0          the whole catalogue
    python rag_indexing.py --rag.server http://127.0.0.1:8000
    python rag_indexing.py --cluster local              on all cards of this machine

Each product becomes a document `Product: ... - Description: ...`, split where it is longer than the embedding model
reads. A document's id follows from its text: a second run adds nothing, an interrupted run continues, and documents of
products that have left the catalogue are removed.

The catalogue is never in memory as a whole: while the model embeds one slice, a thread reads and splits the next, and
a separate process stores the previous ones.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import chain, islice
from pathlib import Path
from pprint import pprint
from typing import TYPE_CHECKING, NamedTuple

from config import Settings
from pipeline.catalogue.products import Product, read_products
from pipeline.catalogue.prompts import document_text
from pipeline.command.script import run, show_settings
from pipeline.runtime.artifacts import meta_path, sole_writer, write_meta
from pipeline.runtime.cluster import workers_for
from pipeline.runtime.cluster_connection import require_cluster
from pipeline.runtime.errors import UserError
from pipeline.runtime.messages import N_, _
from pipeline.runtime.prefetch import prefetch
from pipeline.runtime.progress import progress_bar
from pipeline.search.calibration import calibrate
from pipeline.search.embedding import (
    ClusterEmbedder,
    dimension_of,
    embed,
    fingerprint,
    load_embedding_model,
    use_fastest_precision,
)
from pipeline.search.keyword_index import KeywordWriter, new_index, path_for
from pipeline.search.splitter import Splitter, splitter_for
from pipeline.search.store import (
    chroma_faults,
    damaged_graph_file,
    existing_collection,
    graph_files,
    graph_folder,
    open_client,
)
from pipeline.search.vector_cache import VectorCache, digests_of
from pipeline.search.writer import (
    AddDocuments,
    Catalogue,
    Stored,
    check_free_disk,
    client_to_write_with,
    collection_writer,
    persisted,
    remove_others,
    writable_collection,
)

if TYPE_CHECKING:
    import numpy as np
    from chromadb.api.models.Collection import Collection
    from langchain_core.documents import Document
    from langchain_huggingface import HuggingFaceEmbeddings

Embedder = Callable[["list[str]"], "np.ndarray"]  # texts to their vectors, (n, dim)

DESCRIPTION = N_("Script 5: index the catalogue in Chroma.")

SLICE = 512  # products that are read and embedded together
SLICE_CHARACTERS = 1 << 22  # of them, where they are long: a slice is in memory three times
SLICE_DOCUMENTS = 1024  # embedded and kept together: a product of megabytes has more, in minutes of work
SHOWN_NUMBERS = 5  # of the example of an embedding


def main(settings: Settings) -> None:
    require_cluster(settings.cluster)
    show_settings(settings, "rag")
    with sole_writer(settings.rag.chroma_dir):
        catalogue = measure_catalogue(settings)
        embeddings = load_embedding_model(settings)
        split = splitter_for(embeddings)
        show_examples(next(read_products(settings.data.processed_file)), embeddings, split)
        with chroma_faults(settings):
            index(catalogue, embeddings, split, settings)


def index(catalogue: Catalogue, embeddings: HuggingFaceEmbeddings, split: Splitter, settings: Settings) -> None:
    """Update the index to the present catalogue, and print the result."""
    try:
        collection, graph, counts = fill(catalogue, embeddings, split, settings)
        mark_complete(collection, graph, embeddings, catalogue.products, settings)
    except KeyboardInterrupt:
        if meta_path(settings.rag.chroma_dir).exists():  # not begun, or just ended
            raise
        raise KeyboardInterrupt(
            _("The index is not complete, and cannot be searched until it is: the same command goes on from here.")
        ) from None
    report(collection.count(), counts)


class Counts(NamedTuple):
    """What a run has done to the index, in documents."""

    embedded: int
    added: int
    removed: int


def fill(
    catalogue: Catalogue, embeddings: HuggingFaceEmbeddings, split: Splitter, settings: Settings
) -> tuple[Collection, Path | None, Counts]:
    """Add missing documents and remove outdated ones; texts that an earlier run embedded are not embedded again.

    Returns the collection, the folder of its graph, and what was done.
    """
    model = fingerprint(embeddings)
    print("\n" + _("Creating the vector_store for the embeddings_model..."), flush=True)
    damaged = damaged_graph_file(settings)
    client = client_to_write_with(settings)
    stored = Stored(writable_collection(client, model, catalogue.products, settings, damaged))
    client.close()  # close it now: otherwise it would later overwrite the writing process's new graph with its old one
    graph = graph_folder(settings)
    print("\n" + _("vector_store created!"))
    dimension = dimension_of(embeddings)
    check_free_disk(catalogue, len(stored.digests), dimension, settings)
    embedder = make_embedder(embeddings, model, settings)
    with (
        workers_for(embedder, settings.cluster, cards=settings.model.device_map != "cpu") as workers,
        VectorCache(settings.rag.vectors_dir / model, dimension) as cache,
        new_index(path_for(settings)) as keywords,
        collection_writer(settings) as add,
    ):
        add_documents(add, stored, cache, keywords, catalogue.products, workers.in_order, split, settings)
    client = open_client(settings)
    collection = existing_collection(client, settings)
    added = collection.count() - len(stored.digests)
    removed = remove_others(collection, stored)
    return persisted(client, dimension, settings), graph, Counts(cache.added, added, removed)


def measure_catalogue(settings: Settings) -> Catalogue:
    """How much there is to index. Raises UserError where there is nothing."""
    print("\n" + _("Loading the data from the processed file..."), flush=True)
    products = text_bytes = 0
    for product in read_products(settings.data.processed_file, settings.rag.max_records):
        products += 1
        text_bytes += len(product.product.encode()) + len(product.description.encode())
    if not products:
        raise UserError(_("{file} holds no product.").format(file=settings.data.processed_file))
    print(_("Total records: {n:,}").format(n=products))
    return Catalogue(products, text_bytes)


def show_examples(product: Product, embeddings: HuggingFaceEmbeddings, split: Splitter) -> None:
    """Print the chunk and the embedding of the first product, as an example."""
    from langchain_core.documents import Document

    print("\n" + _("Example record:"))
    pprint(product._asdict(), width=100)
    print("\n" + _("Splitting JSON documents into chunks..."))
    first = split([product])[0][0]
    chunk, facts = first.page_content, {"id": first.id, "metadata": first.metadata}
    print("\n" + _("Example chunk:") + f"\n{chunk}")
    print("\n" + _("Generating embeddings for the chunks..."))
    [vector] = embeddings.embed_documents([chunk])
    numbers = ", ".join(f"{number:.6f}" for number in vector[:SHOWN_NUMBERS])
    print("\n" + _("Example embedding:") + f"\n[{numbers}, ...] " + _("({n} numbers)").format(n=len(vector)))
    print("\n" + _("Converting json_data into lc_documents..."))
    document = Document(chunk, **facts)
    print("\n" + _("Example lc_document:"))
    pprint(document, width=100)


def make_embedder(embeddings: HuggingFaceEmbeddings, model: str, settings: Settings) -> Embedder:
    """What embeds texts here or on the cluster, in the number format that is fastest on this machine.

    `model` is the fingerprint of `embeddings`.
    """
    sample = islice(read_products(settings.data.processed_file), SLICE)
    precision = use_fastest_precision(embeddings, [document_text(*product) for product in sample])
    print("\n" + _("Embeddings are computed in {precision}.").format(precision=str(precision).removeprefix("torch.")))
    if settings.cluster:
        return ClusterEmbedder(model, precision, settings)
    return partial(embed, embeddings, batch_size=settings.rag.embedding_batch_size)


# --------------------------------------------------------------------------------------------------------- indexing


def add_documents(
    add: AddDocuments,
    stored: Stored,
    cache: VectorCache,
    keywords: KeywordWriter,
    total: int,
    embed_in_order: Callable[[Iterable[list[str]]], Iterator[np.ndarray]],
    split: Splitter,
    settings: Settings,
) -> None:
    """Embed and store what is not in the index yet, a slice of products at a time."""
    print("\n" + _("Populating the vector_store..."))
    print("\n" + _("Adding the documents to the vector_store...") + "\n", flush=True)
    products = read_products(settings.data.processed_file, settings.rag.max_records)
    being_embedded: deque[Part] = deque()

    def texts_to_embed() -> Iterator[list[str]]:
        for read, documents in prefetch((read, split(read)) for read in slices(products)):
            for product, its_documents in zip(read, documents, strict=True):
                keywords.add(product, [document.id for document in its_documents])
            for part in parts(len(read), stored.missing(list(chain.from_iterable(documents))), cache):
                being_embedded.append(part)
                yield part.texts()

    with progress_bar(_("Indexing products"), total=total) as bar:
        documents = 0
        for new in embed_in_order(texts_to_embed()):
            part = being_embedded.popleft()
            if part.documents:
                add(part.documents, part.vectors(new, cache))
            documents += len(part.documents)
            bar.set_postfix_str(_("{n:,} documents").format(n=documents), refresh=False)
            bar.update(part.products)
            if not part.products:  # tqdm does not draw the bar anew for an update by 0
                bar.refresh()


class Part(NamedTuple):
    """Documents that are not in the index yet, embedded together."""

    products: int  # that are done with these documents
    documents: list[Document]
    digests: np.ndarray
    found: np.ndarray  # (n,) bool: which of the documents an earlier run embedded
    kept: np.ndarray  # the vectors of those, (found, dim)

    def texts(self) -> list[str]:
        """Those that have to be embedded."""
        return [document.page_content for document, found in zip(self.documents, self.found, strict=True) if not found]

    def vectors(self, new: np.ndarray, cache: VectorCache) -> np.ndarray:
        """Those of all documents, (n, dim); `new`, the vectors of `texts`, are kept for the next run."""
        import numpy as np

        if self.found.all():
            return self.kept
        cache.add(self.digests[~self.found], new)
        vectors = np.empty((len(self.documents), new.shape[1]), np.float32)
        vectors[self.found], vectors[~self.found] = self.kept, new
        return vectors


def parts(products: int, documents: list[Document], cache: VectorCache) -> Iterator[Part]:
    """The `documents` of so many products, `SLICE_DOCUMENTS` at a time, with the vectors that an earlier run kept."""
    for start in range(0, max(1, len(documents)), SLICE_DOCUMENTS):
        together = documents[start : start + SLICE_DOCUMENTS]
        digests = digests_of(document.id for document in together)
        is_last = start + SLICE_DOCUMENTS >= len(documents)
        yield Part(products if is_last else 0, together, digests, *cache.find(digests))


def slices(products: Iterator[Product]) -> Iterator[list[Product]]:
    """`products` in lists of `SLICE`; of fewer where these hold more than `SLICE_CHARACTERS`."""
    part: list[Product] = []
    characters = 0
    for product in products:
        part.append(product)
        characters += len(product.product) + len(product.description)
        if len(part) == SLICE or characters > SLICE_CHARACTERS:
            yield part
            part, characters = [], 0
    if part:
        yield part


def mark_complete(
    collection: Collection, graph: Path | None, embeddings: HuggingFaceEmbeddings, products: int, settings: Settings
) -> None:
    """Write the meta file of the index, which marks it as complete for the other scripts."""
    write_meta(
        settings.rag.chroma_dir,
        settings.rag.model_dump(mode="json"),
        [settings.data.processed_file],
        records=products,
        documents=collection.count(),
        graph=graph_files(graph),
        floors=calibrate(collection, path_for(settings), embeddings),
    )


def report(documents: int, counts: Counts) -> None:
    print("\n" + _("Total chunks: {n:,}").format(n=documents))
    print(_("Total embeddings generated in this run: {n:,}").format(n=counts.embedded))
    print(_("Total documents added: {n:,}").format(n=counts.added))
    print(_("Total documents removed, since their product has changed or is gone: {n:,}").format(n=counts.removed))
    print("\n" + _("Documents loaded!"))


if __name__ == "__main__":
    run(main, DESCRIPTION)
