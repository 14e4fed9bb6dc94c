"""Records indexed per second: this project's indexing beside HuggingFaceEmbeddings + Chroma.from_documents.

    python benchmarks/indexing_speed.py trn_processed.json --records 3000 --profile demo
    python benchmarks/indexing_speed.py products.jsonl.gz --records 4000 --tokenizer FOLDER

The catalogue is either the one that process_data.py writes, or JSON lines with title and content, also .gz. Both sides
get the same documents; their splitting counts on our side alone, and so do the keyword index and the kept vectors.
Then the two halves of ours run alone: the model, and Chroma from vectors that are there. The last lines compare what
both indices find first for the titles of products. Other flags go to the settings.

--tokenizer makes a model of the shape of all-mpnet-base-v2 with random weights and the tokenizer of that folder: for
machines that cannot download the real one. What it finds means nothing, so it is not compared.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from config import Settings  # noqa: E402
from pipeline.catalogue.products import read_products  # noqa: E402
from pipeline.command.command_line import read_settings  # noqa: E402
from pipeline.search.embedding import dimension_of, embed, load_embedding_model  # noqa: E402
from pipeline.search.splitter import splitter_for  # noqa: E402
from pipeline.search.writer import CHROMA_BATCH, client_to_write_with, persisted, writable_collection  # noqa: E402
from rag_indexing import SLICE, fill, measure_catalogue  # noqa: E402

TITLES = 1000


def main() -> None:
    options, flags = read_options()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        if options.tokenizer:
            make_random_mpnet(options.tokenizer, folder / "model")
            flags += ["--rag.embedding_model", str(folder / "model")]
        write_catalogue(options.catalogue, options.records, folder / "trn_processed.json")
        settings = read_settings("", [*flags, "--work_dir", str(folder), "--rag.max_records", "0"])
        compare(settings, compare_hits=not options.tokenizer)


def read_options() -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("catalogue", type=Path)
    parser.add_argument("--records", type=int, default=3000)
    parser.add_argument("--tokenizer", type=Path)
    return parser.parse_known_args()


def write_catalogue(source: Path, records: int, target: Path) -> None:
    """The first `records` of `source`, as process_data.py would write them."""
    if source.suffix == ".json":
        rows = [product._asdict() for product in read_products(source, records)]
    else:
        with (gzip.open if source.suffix == ".gz" else open)(source, "rt", encoding="utf-8") as file:
            read = [json.loads(line) for line in islice(file, records)]
        rows = [{"product": row["title"], "description": " ".join(row["content"].split())} for row in read]
    target.write_text("[\n" + ",\n".join(map(json.dumps, rows)) + "\n]\n", encoding="utf-8")


def make_random_mpnet(tokenizer: Path, folder: Path) -> None:
    """A model of the shape of all-mpnet-base-v2 (12 layers of 768, mean pooling, 384 tokens) with random weights."""
    import torch
    from sentence_transformers import SentenceTransformer, models
    from transformers import AutoTokenizer, MPNetConfig, MPNetModel

    torch.manual_seed(0)
    body = folder.with_name("body")
    MPNetModel(MPNetConfig()).save_pretrained(body)
    AutoTokenizer.from_pretrained(tokenizer, model_max_length=384).save_pretrained(body)
    transformer = models.Transformer(str(body), max_seq_length=384)
    SentenceTransformer(modules=[transformer, models.Pooling(768)]).save(str(folder))


def compare(settings: Settings, compare_hits: bool) -> None:
    import torch

    catalogue = measure_catalogue(settings)
    embeddings = load_embedding_model(settings)
    split = splitter_for(embeddings)
    products = list(read_products(settings.data.processed_file))
    unique = {document.id: document for documents in split(products) for document in documents}
    documents = list(unique.values())
    texts = [document.page_content for document in documents]
    embeddings.embed_documents(texts[:SLICE])  # the first calls of all are slower
    print(f"\n{len(products)} records, {len(documents)} documents; {torch.get_num_threads()} threads")

    theirs, store = timed(
        "HuggingFaceEmbeddings + from_documents", len(products), from_documents, documents, embeddings
    )
    queries = [product.product for product in products[:: max(1, len(products) // TITLES)]] if compare_hits else []
    their_hits = [store.similarity_search_by_vector(vector, k=1) for vector in embeddings.embed_documents(queries)]

    ours, (collection, _graph, _counts) = timed(
        "rag_indexing.py", len(products), fill, catalogue, embeddings, split, settings
    )
    model, _vectors = timed("its model alone", len(products), embed_all, embeddings, texts, settings)
    chroma, _collection = timed("its Chroma alone", len(products), store_all, documents, embeddings, settings)
    print(f"rag_indexing.py / from_documents: {ours / theirs:.2f}")
    print(f"rag_indexing.py / the slower of its two parts: {ours / min(model, chroma):.2f}")
    if compare_hits:
        fresh = load_embedding_model(settings)  # in 32 bits, as the search loads it
        vectors = fresh.embed_documents(queries)
        found = [collection.query(query_embeddings=[vector], n_results=1)["ids"][0] for vector in vectors]
        same = sum(hits[0].id == ids[0] for hits, ids in zip(their_hits, found, strict=True))
        print(f"the same first hit for {same} of {len(queries)} titles ({same / len(queries):.1%})")


def timed(name: str, records: int, function, *args) -> tuple[float, object]:
    """Records per second of `function(*args)`, and what it returns."""
    start, processor = time.perf_counter(), time.process_time()
    result = function(*args)
    seconds, processor = time.perf_counter() - start, time.process_time() - processor
    print(
        f"{name:40} {records / seconds:8.1f} records/s ({seconds:.1f} s, {processor / seconds:.2f} cores)", flush=True
    )
    return records / seconds, result


def from_documents(documents: list, embeddings):
    from langchain_chroma import Chroma

    return Chroma.from_documents(
        documents,
        embeddings,
        ids=[document.id for document in documents],
        persist_directory=tempfile.mkdtemp(),
        collection_configuration={"hnsw": {"space": "cosine"}},
    )


def embed_all(embeddings, texts: list[str], settings: Settings) -> None:
    for start in range(0, len(texts), SLICE):
        embed(embeddings, texts[start : start + SLICE], settings.rag.embedding_batch_size)


def store_all(documents: list, embeddings, settings: Settings) -> None:
    """Chroma alone: the same documents into another folder, from vectors that are there."""
    import numpy as np

    elsewhere = settings.model_copy(deep=True)
    elsewhere.rag.chroma_dir = settings.rag.chroma_dir.with_name("chroma_alone")
    client = client_to_write_with(elsewhere)
    collection = writable_collection(client, "", len(documents), elsewhere)
    dimension = dimension_of(embeddings)
    [folder] = settings.rag.vectors_dir.iterdir()
    vectors = np.fromfile(folder / "vectors.bin", np.float16).reshape(-1, dimension).astype(np.float32)
    for start in range(0, len(documents), CHROMA_BATCH):
        part = documents[start : start + CHROMA_BATCH]
        collection.add(
            ids=[document.id for document in part],
            documents=[document.page_content for document in part],
            metadatas=[document.metadata for document in part],
            embeddings=vectors[start : start + CHROMA_BATCH],
        )
    persisted(client, dimension, elsewhere)


if __name__ == "__main__":
    main()
