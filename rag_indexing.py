"""Script 5: index the catalogue in Chroma.

    python rag_indexing.py
    python rag_indexing.py --rag.max_records 0          the whole catalogue
    python rag_indexing.py --rag.server http://127.0.0.1:8000

Each product becomes a document `Product: ... - Description: ...`, split where it is longer than the embedding model
reads. A document's id follows from its text: a second run adds nothing, an interrupted one goes on, and documents of
products that have left the catalogue are removed.

The catalogue streams through: while the model embeds one slice, the next is read and split, and a process of its own
stores those before.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from itertools import chain, islice
from pprint import pprint
from typing import TYPE_CHECKING, NamedTuple

from config import Settings
from pipeline.catalogue.products import Product, read_products
from pipeline.catalogue.prompts import document_text
from pipeline.command.script import run, show_settings
from pipeline.runtime.artifacts import meta_path, sole_writer, write_meta
from pipeline.runtime.errors import UserError
from pipeline.runtime.messages import N_, _
from pipeline.runtime.prefetch import WriteBehind, prefetch
from pipeline.runtime.progress import progress_bar
from pipeline.runtime.worker_processes import WorkerProcesses
from pipeline.search.calibration import calibrate
from pipeline.search.embedding import dimension_of, embed, fingerprint, load_embedding_model, use_fastest_precision
from pipeline.search.keyword_index import KeywordWriter, new_index, path_for
from pipeline.search.splitter import Splitter, splitter_for
from pipeline.search.store import (
    DocumentBatch,
    chroma_faults,
    existing_collection,
    graph_files,
    open_client,
    persisted,
    require_whole_graph,
    wait_for_adder,
    writable_collection,
    writing_process,
)
from pipeline.search.vector_cache import VectorCache, digests_of, find_digests, ids_of, sorted_digests

if TYPE_CHECKING:
    import numpy as np
    from chromadb.api import ClientAPI
    from chromadb.api.models.Collection import Collection
    from langchain_core.documents import Document
    from langchain_huggingface import HuggingFaceEmbeddings

DESCRIPTION = N_("Script 5: index the catalogue in Chroma.")

SLICE = 512  # products that are read and embedded together
CHROMA_BATCH = 2048  # documents that are stored together: of 512, 1,024, 2,048 and 4,096 the fastest
ID_PAGE = 10_000  # ids asked from Chroma at a time
SHOWN_NUMBERS = 5  # of the example of an embedding
MEGABYTE = 1 << 20


def main(settings: Settings) -> None:
    show_settings(settings, "rag")
    with sole_writer(settings.rag.chroma_dir):
        require_whole_graph(settings)
        catalogue = measure_catalogue(settings)
        embeddings = load_embedding_model(settings)
        split = splitter_for(embeddings)
        show_examples(next(read_products(settings.data.processed_file)), embeddings, split)
        with chroma_faults(settings):
            index(catalogue, embeddings, split, settings)


def index(catalogue: Catalogue, embeddings: HuggingFaceEmbeddings, split: Splitter, settings: Settings) -> None:
    """Bring the index to the state of the catalogue, and say so."""
    try:
        collection, counts = fill(catalogue, embeddings, split, settings)
        mark_complete(collection, embeddings, catalogue.products, settings)
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
) -> tuple[Collection, Counts]:
    """Add what is missing in the index and remove what is too much; no text is embedded that was in an earlier run."""
    model = fingerprint(embeddings)
    client = open_unfinished_index(settings)
    stored = Stored(writable_collection(client, model, catalogue.products, settings))
    client.close()  # or it would write the graph that it has read over the one that the writing process makes of it
    print("\n" + _("vector_store created!"))
    dimension = dimension_of(embeddings)
    check_free_disk(catalogue, len(stored.digests), dimension, settings)
    choose_precision(embeddings, settings)
    with (
        VectorCache(settings.rag.vectors_dir / model, dimension) as cache,
        new_index(path_for(settings)) as keywords,
        writing_process(settings) as chroma,
    ):
        add_documents(chroma, stored, cache, keywords, catalogue.products, embeddings, split, settings)
    client = open_client(settings)
    collection = existing_collection(client, settings)
    added = collection.count() - len(stored.digests)
    removed = remove_others(collection, stored)
    return persisted(client, dimension, settings), Counts(cache.added, added, removed)


class Catalogue(NamedTuple):
    """How much there is to index."""

    products: int
    text_bytes: int


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
    """Print what becomes of the first product on its way into the index."""
    print("\n" + _("Example record:"))
    pprint(product._asdict(), width=100)
    print("\n" + _("Splitting JSON documents into chunks..."))
    document = split([product])[0][0]
    print("\n" + _("Example chunk:") + f"\n{document.page_content}")
    print("\n" + _("Generating embeddings for the chunks..."))
    [vector] = embeddings.embed_documents([document.page_content])
    numbers = ", ".join(f"{number:.6f}" for number in vector[:SHOWN_NUMBERS])
    print("\n" + _("Example embedding:") + f"\n[{numbers}, ...] " + _("({n} numbers)").format(n=len(vector)))
    print("\n" + _("Converting json_data into lc_documents..."))
    print("\n" + _("Example lc_document:"))
    pprint(document, width=100)


# --------------------------------------------------------------------------------------------------- before the start


class Stored:
    """The documents that the collection held when the run began, and which of them the catalogue still has.

    17 bytes a document, where a set of ids would take 120.
    """

    def __init__(self, collection: Collection):
        import numpy as np

        pages = (
            collection.get(limit=ID_PAGE, offset=offset, include=[])["ids"]
            for offset in range(0, collection.count(), ID_PAGE)
        )
        self.digests, _order = sorted_digests(b"".join(digests_of(page).tobytes() for page in pages))
        self._seen = np.zeros(len(self.digests), bool)

    def among(self, digests: np.ndarray) -> np.ndarray:
        """Which of `digests` are stored, (n,) bool; from now on they count as seen."""
        places, found = find_digests(self.digests, digests)
        self._seen[places[found]] = True
        return found

    def others(self) -> list[str]:
        """The ids of those that were never seen."""
        return ids_of(self.digests[~self._seen])


def open_unfinished_index(settings: Settings) -> ClientAPI:
    """Chroma to write into; until the end of the run, no other script takes the index for complete."""
    print("\n" + _("Creating the vector_store for the embeddings_model..."), flush=True)
    settings.rag.chroma_dir.mkdir(parents=True, exist_ok=True)
    wait_for_adder(settings)
    client = open_client(settings)
    meta_path(settings.rag.chroma_dir).unlink(missing_ok=True)
    return client


def check_free_disk(catalogue: Catalogue, stored: int, dimension: int, settings: Settings) -> None:
    """Raise UserError where the index would not fit on the disk.

    An estimate from above; Chroma's part was measured with 384 numbers a vector and 540 bytes of text. A document takes
    4 bytes a number in Chroma's graph, 4 in its log and 2 in `rag.vectors_dir`, 10 bytes for each of its text (stored
    three times, and an index of it in Chroma; the keyword index), and 1,000 of everything else.
    """
    new = max(0, catalogue.products - stored)
    needed = new * (10 * dimension + 1000) + 10 * catalogue.text_bytes * new // catalogue.products
    folder = settings.rag.vectors_dir
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if settings.rag.server is None:
        free = min(free, shutil.disk_usage(settings.rag.chroma_dir).free)
    if needed > free:
        raise UserError(
            _(
                "The index needs about {needed:,} MB, and {free:,} MB are free in {folder}. Make room, or index fewer "
                "products: --rag.max_records"
            ).format(needed=needed // MEGABYTE, free=free // MEGABYTE, folder=folder.resolve().parent)
        )


def choose_precision(embeddings: HuggingFaceEmbeddings, settings: Settings) -> None:
    """Compute in the number format that is fastest on this machine."""
    sample = islice(read_products(settings.data.processed_file), SLICE)
    precision = use_fastest_precision(embeddings, [document_text(*product) for product in sample])
    print("\n" + _("Embeddings are computed in {precision}.").format(precision=str(precision).removeprefix("torch.")))


# --------------------------------------------------------------------------------------------------------- indexing


def add_documents(
    chroma: WorkerProcesses,
    stored: Stored,
    cache: VectorCache,
    keywords: KeywordWriter,
    total: int,
    embeddings: HuggingFaceEmbeddings,
    split: Splitter,
    settings: Settings,
) -> None:
    """Embed and store what is not in the index yet, a slice of products at a time."""
    print("\n" + _("Populating the vector_store..."))
    print("\n" + _("Adding the documents to the vector_store...") + "\n", flush=True)
    products = read_products(settings.data.processed_file, settings.rag.max_records)
    with progress_bar(_("Indexing products"), total=total) as bar, WriteBehind() as behind:
        waiting: list[tuple[list[Document], np.ndarray]] = []
        for read, documents in prefetch((part, split(part)) for part in slices(products, SLICE)):
            for product, its_documents in zip(read, documents, strict=True):
                keywords.add(product, [document.id for document in its_documents])
            if new := unstored(list(chain.from_iterable(documents)), stored):
                waiting.append((new, vectors_of(new, cache, embeddings, settings)))
            bar.update(len(read))
            if sum(len(new) for new, _vectors in waiting) >= CHROMA_BATCH:
                behind.call(chroma.call, joined(waiting))
                waiting = []
        if waiting:
            behind.call(chroma.call, joined(waiting))


def slices(items: Iterator, size: int) -> Iterator[list]:
    """`items` in lists of `size`, the last one shorter."""
    while part := list(islice(items, size)):
        yield part


def unstored(documents: list[Document], stored: Stored) -> list[Document]:
    """Those of `documents` that the collection does not hold, each once."""
    documents = list({document.id: document for document in documents}.values())
    found = stored.among(digests_of(document.id for document in documents))
    return [document for document, is_stored in zip(documents, found, strict=True) if not is_stored]


def vectors_of(
    documents: list[Document], cache: VectorCache, embeddings: HuggingFaceEmbeddings, settings: Settings
) -> np.ndarray:
    """The vectors of `documents`, (n, dim): kept from an earlier run, or embedded and kept for the next."""
    import numpy as np

    digests = digests_of(document.id for document in documents)
    found, kept = cache.find(digests)
    if found.all():
        return kept
    missing = [document.page_content for document, is_kept in zip(documents, found, strict=True) if not is_kept]
    new = embed(embeddings, missing, settings.rag.embedding_batch_size)
    cache.add(digests[~found], new)
    vectors = np.empty((len(documents), new.shape[1]), np.float32)
    vectors[found], vectors[~found] = kept, new
    return vectors


def joined(parts: list[tuple[list[Document], np.ndarray]]) -> DocumentBatch:
    """The documents of these slices with their vectors, each once: Chroma refuses to add one id twice."""
    import numpy as np

    pairs = {
        document.id: (document, vector)
        for part, vectors in parts
        for document, vector in zip(part, vectors, strict=True)
    }
    documents = [document for document, _vector in pairs.values()]
    return DocumentBatch(
        [document.id for document in documents],
        [document.page_content for document in documents],
        [document.metadata for document in documents],
        np.array([vector for _document, vector in pairs.values()], np.float32),
    )


def remove_others(collection: Collection, stored: Stored) -> int:
    """Remove the documents whose product has changed or left the catalogue; returns how many."""
    others = stored.others()
    for start in range(0, len(others), SLICE):
        collection.delete(ids=others[start : start + SLICE])
    return len(others)


def mark_complete(collection: Collection, embeddings: HuggingFaceEmbeddings, products: int, settings: Settings) -> None:
    """Say beside the index what it was made from: from now on the other scripts take it."""
    write_meta(
        settings.rag.chroma_dir,
        settings.rag.model_dump(mode="json"),
        [settings.data.processed_file],
        records=products,
        documents=collection.count(),
        graph={} if settings.rag.server else graph_files(settings.rag.chroma_dir),
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
