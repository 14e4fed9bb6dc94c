"""The search in the index: one function, whichever method; a LangChain retriever for other chains.

dense      the documents whose meaning is nearest, by their vectors in Chroma
keyword    the same title; else products that share words and parts of words with the query
hybrid     the same title; else what both find, by one score
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator
from itertools import chain
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever

from config import Settings
from pipeline.catalogue.products import TITLES_COMPARED_SO_SINCE
from pipeline.catalogue.prompts import document_text
from pipeline.runtime.artifacts import read_meta, require
from pipeline.runtime.errors import UserError, first_line
from pipeline.runtime.messages import _
from pipeline.runtime.rerun import command
from pipeline.search.embedding import as_far_as_read, is_out_of_memory, kind_of, load_embedding_model, require_finite
from pipeline.search.keyword_index import KeywordIndex, path_for
from pipeline.search.store import collection_of, open_vector_store

if TYPE_CHECKING:
    import numpy as np
    from sentence_transformers import CrossEncoder

CANDIDATES = 50  # of each side
ID_PAGE = 1000  # ids asked from Chroma at a time
RERANKED = 20  # of the best, where there is a reranker
BEST_WITHOUT_TITLE = 0.999  # 1 says that the title is the same

# How much title, coverage (see KeywordScores) and the cosine of the vectors count. Tuned with
# benchmarks/retrieval_quality.py on queries of other shops; success hardly changes when one is halved or doubled.
WEIGHTS: dict[str, tuple[float, float, float]] = {
    "dense": (0, 0, 1),
    "keyword": (0.45, 0.55, 0),
    "hybrid": (0.4, 0.4, 0.2),
}
METHODS = tuple(WEIGHTS)


# A query all of whose words stand in a product has found something, if it is only a sentence of its description: where
# the coverage is almost whole, it brings the score up to half of the way nearer to 1.
COVERED_WEIGHT, COVERED_POWER = 0.5, 8


class Retrieved(NamedTuple):
    """A product that was found: the id of its first document, and its whole text.

    `score` is 0 to 1; 1 only where title and query are the same (but for case and blanks).
    """

    id: str
    product: str
    text: str
    score: float


class ProductRetriever(BaseRetriever):
    """Finds products, each once however many documents it has, best first; `open_search` makes one.

    A retriever of LangChain's, to stand in chains: `open_search(settings) | format_documents | prompt | model`. Its
    `store` is LangChain's Chroma on the same collection, for chains that need a vector store of single documents.
    """

    collection: Any  # of chromadb
    store: Any = None  # langchain_chroma.Chroma
    keywords: Any  # KeywordIndex
    embeddings: Any = None  # LangChain's Embeddings; None for `keyword`
    reranker: Any = None  # sentence_transformers.CrossEncoder
    method: Literal["dense", "keyword", "hybrid"] = "hybrid"
    top_k: int = 3
    floor: float = 0.0  # a best score below it says that the product is not there

    def _get_relevant_documents(self, query: str, *, run_manager, top_k: int | None = None) -> list[Document]:
        return [
            Document(found.text, id=found.id, metadata={"product": found.product, "score": found.score})
            for found in self.search(query, top_k)
        ]

    def search(self, query: str, top_k: int | None = None, without: Iterable[str] = ()) -> list[Retrieved]:
        """The best `top_k` products, best first; none where not even the first reaches the floor.

        `without` are titles to search as if their products were not in the index.
        """
        vector = self.embeddings.embed_query(query) if self.embeddings and query.strip() else None
        excluded = {number for title in without for number in self.keywords.with_title(title)}
        ranking = self.rank(query, vector, excluded)
        if not ranking or ranking[0][1] < self.floor:
            return []
        if self.reranker:
            return self._rerank(query, self.texts(ranking[:RERANKED]))[: top_k or self.top_k]
        return self.texts(ranking[: top_k or self.top_k])

    def rank(self, query: str, vector: list[float] | None, excluded: Collection[int] = ()) -> list[tuple[int, float]]:
        """Numbers of products with their scores, best first; `vector` is that of the query, not used for `keyword`."""
        if not query.strip():
            return []
        numbers, features = self.features(query, vector, excluded)
        scores = dict(zip(numbers.tolist(), fuse(features, WEIGHTS[self.method]).tolist(), strict=True))
        if self.method != "dense":
            scores |= {number: 1.0 for number in self.keywords.with_title(query) if number not in excluded}
        return sorted(scores.items(), key=lambda item: -item[1])

    def features(
        self, query: str, vector: list[float] | None, excluded: Collection[int] = ()
    ) -> tuple[np.ndarray, np.ndarray]:
        """The candidates of both sides, and a row for each: title, coverage, cosine, 0 to 1; 0 where not looked at."""
        import numpy as np

        cosines = self._nearest(vector, excluded) if self.method != "keyword" else {}
        if self.method == "dense":
            numbers = np.array(list(cosines), np.int64)
            title = coverage = np.zeros(len(numbers))
        else:
            keyword_query = self.keywords.query(query, excluded)
            numbers = np.union1d(keyword_query.best(CANDIDATES), np.array(list(cosines), np.int64))
            title, coverage = keyword_query.scores(numbers)
        if self.method == "hybrid":
            cosines |= self._cosines(vector, [number for number in numbers.tolist() if number not in cosines])
        cosine = np.array([max(0.0, cosines.get(number, 0.0)) for number in numbers.tolist()])
        return numbers, np.array([title, coverage, cosine]).T

    def _nearest(self, vector: list[float], excluded: Collection[int]) -> dict[int, float]:
        """Product -> cosine of its nearest document, for the documents nearest to `vector`."""
        left_out = {id_ for ids in self.keywords.documents_of(list(excluded)).values() for id_ in ids}
        count = CANDIDATES + min(len(left_out), CANDIDATES)
        while True:
            found = self.collection.query(query_embeddings=[vector], n_results=count, include=["distances"])
            distances = dict(zip(found["ids"][0], found["distances"][0], strict=True))
            if len(distances) < count or len(distances.keys() - left_out) >= CANDIDATES:
                break
            count *= 4  # seldom: a product that is left out has many documents
        best: dict[int, float] = {}
        for id_, number in self.keywords.product_of(list(distances)).items():
            if number not in excluded:
                best[number] = max(best.get(number, -1.0), 1 - distances[id_])
        return best

    def _cosines(self, vector: list[float], numbers: list[int]) -> dict[int, float]:
        """Product -> cosine of its nearest document, for these products."""
        import numpy as np

        documents = self.keywords.documents_of(numbers)
        cosines: dict[str, float] = {}
        for found in self._stored(documents.values(), "embeddings"):
            cosines |= zip(found["ids"], (found["embeddings"] @ np.array(vector)).tolist(), strict=True)
        return {number: max(cosines[id_] for id_ in ids) for number, ids in documents.items()}

    def titles(self, numbers: list[int]) -> list[str]:
        """The titles of these products."""
        firsts = {number: ids[0] for number, ids in self.keywords.documents_of(numbers).items()}
        titles: dict[str, str] = {}
        for found in self._stored([list(firsts.values())], "metadatas"):
            titles |= {id_: data["product"] for id_, data in zip(found["ids"], found["metadatas"], strict=True)}
        return [titles[firsts[number]] for number in numbers]

    def texts(self, ranking: list[tuple[int, float]]) -> list[Retrieved]:
        """The products of a ranking with their texts, as they were before they were split into documents."""
        documents = self.keywords.documents_of([number for number, _score in ranking])
        stored: dict[str, tuple[str, str]] = {}
        for found in self._stored(documents.values(), "metadatas", "documents"):
            titles = (data["product"] for data in found["metadatas"])
            stored |= zip(found["ids"], zip(titles, found["documents"], strict=True), strict=True)
        results = []
        for number, score in ranking:
            (product, text), *rest = [stored[id_] for id_ in documents[number]]
            # Below a long title, the other documents carry its beginning only.
            parts = [part.removeprefix(document_text(title, "")) for title, part in rest]
            results.append(Retrieved(documents[number][0], product, "".join([text, *parts]), round(score, 4)))
        return results

    def _stored(self, ids: Iterable[list[str]], *what: str) -> Iterator[dict]:
        """What Chroma holds of the documents with these ids, a page at a time: it takes so many ids and no more."""
        every = list(dict.fromkeys(chain.from_iterable(ids)))
        for start in range(0, len(every), ID_PAGE):
            yield self.collection.get(ids=every[start : start + ID_PAGE], include=list(what))

    def _rerank(self, query: str, found: list[Retrieved]) -> list[Retrieved]:
        """The same products in the order of the cross-encoder, with its scores; the same title stays first."""
        same = [result for result in found if result.score == 1]
        others = [result for result in found if result.score < 1]
        if not others:
            return same
        import torch

        scores = self.reranker.predict(
            [(query, as_far_as_read(result.text, self.reranker)) for result in others],
            activation_fn=torch.nn.Sigmoid(),
            show_progress_bar=False,
        )
        reranked = [
            result._replace(score=round(min(float(score), BEST_WITHOUT_TITLE), 4))
            for result, score in zip(others, scores, strict=True)
        ]
        return [*same, *sorted(reranked, key=lambda result: -result.score)]


def fuse(features: np.ndarray, weights: tuple[float, float, float]) -> np.ndarray:
    """One score from the three of each row, 0 to `BEST_WITHOUT_TITLE`."""
    import numpy as np

    scores = features @ np.array(weights)
    covered = features[:, 1] ** COVERED_POWER
    return np.minimum(scores + (1 - scores) * COVERED_WEIGHT * covered, BEST_WITHOUT_TITLE)


def open_search(settings: Settings) -> ProductRetriever:
    """The search that `rag.method` says, in the index that `require_index` has found whole.

    Raises UserError where a part of the index is missing.
    """
    meta = read_meta(settings.rag.chroma_dir) or {"format": 0}
    floors = meta.get("floors")
    if floors is None or meta["format"] < TITLES_COMPARED_SO_SINCE:
        raise UserError(
            _("The index in {folder} was made by an earlier version. Run again: {command}").format(
                folder=settings.rag.chroma_dir, command=command("rag_indexing.py")
            )
        )
    rag = settings.rag
    embeddings = load_embedding_model(settings) if rag.method != "keyword" else None
    store = open_vector_store(embeddings, settings)
    return ProductRetriever(
        collection=collection_of(store),
        store=store,
        keywords=open_keywords(settings),
        embeddings=embeddings,
        reranker=load_reranker(settings) if rag.reranker else None,
        method=rag.method,
        top_k=rag.top_k,
        floor=floors[rag.method],
    )


def open_keywords(settings: Settings) -> KeywordIndex:
    """The keyword index. Raises UserError where it is missing or cannot be read."""
    file = require(path_for(settings), made_by="rag_indexing.py")
    try:
        return KeywordIndex(file)
    except (sqlite3.Error, ValueError) as error:  # ValueError: it holds no product, or half of one's numbers
        raise UserError(
            _("{file} cannot be read ({reason}). Make it again: {command}").format(
                file=file, reason=first_line(error), command=command("rag_indexing.py")
            )
        ) from None


def load_reranker(settings: Settings) -> CrossEncoder:
    """The cross-encoder `rag.reranker`. Raises UserError where it cannot be had."""
    from sentence_transformers import CrossEncoder

    print("\n" + _("Loading the reranker..."), flush=True)
    name = settings.rag.reranker
    try:
        reranker = CrossEncoder(
            name,
            num_labels=1,
            device="cpu" if settings.model.device_map == "cpu" else None,
            trust_remote_code=False,
            model_kwargs={"use_safetensors": True},
        )
        _require_reranker(reranker, name)
        # Some models load, but cannot read pairs.
        require_finite(reranker.predict([("a", "two words"), ("a", "b")], show_progress_bar=False))
    except Exception as error:  # what a model's modules, tokenizer and weights may raise has no end
        if is_out_of_memory(error):
            raise
        raise UserError(
            _(
                "The reranker {name} cannot be loaded: {reason} "
                "Check --rag.reranker, and the network if it has to be downloaded from the hub."
            ).format(name=name, reason=first_line(error))
        ) from None
    return reranker


def _require_reranker(model: CrossEncoder, name: str) -> None:
    """Raise ValueError where the head that scores a pair is not the model's own, but random numbers."""
    kind = kind_of(model, name)
    if not model.module_kwargs and not kind.endswith(("ForSequenceClassification", "ForCausalLM")):
        raise ValueError(
            _("It is no cross-encoder: it has no weights that score a pair of texts ({kind}).").format(kind=kind)
        )
