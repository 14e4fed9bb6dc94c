"""What can be measured of one answer. Similarities and shares are given from 0 to 100, higher is more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import regex

NGRAM = 4  # words; the length that counts as a repetition
LOOP_PERCENT = 50.0  # an answer with more repetition than this is a loop

# What a word is, both for the regex package and for JavaScript: a number with its separators; a single character, in
# the scripts that put no spaces between words; else a run of letters with their combining marks.
UNSPACED_SCRIPTS = ("Han", "Hiragana", "Katakana", "Thai", "Lao", "Khmer", "Myanmar")
WORD_PATTERN = (
    r"\p{Nd}+(?:[.,]\p{Nd}+)*|["
    + "".join(rf"\p{{Script={script}}}" for script in UNSPACED_SCRIPTS)
    + r"]|(?:(?!["
    + "".join(rf"\p{{Script={script}}}" for script in UNSPACED_SCRIPTS)
    + r"])[\p{L}\p{M}])+"
)

# Words that occur in any text. The list can be short, since it is the same for all systems.
_FUNCTION_WORDS = """
    a about above after all also am an and any are as at be been before but by can could did do does for from had has
    have he her hers him his how i if in into is it its itself just like made make may me more most much my no not of
    on one only or other our out over own s she so some such t than that the their them then there these they this
    those through to too under up us very was we were what when where which who will with without would you your
    ao aos as com como da das de dela dele do dos e ela ele elas eles em entre era essa esse esta este eu foi há isso
    isto já lhe mais mas me mesmo meu minha muito na nas nem no nos não o os ou para pela pelas pelo pelos por qual
    quando que quem se sem ser seu seus sua suas são só também te tem uma umas um uns você à às é
"""
FUNCTION_WORDS = frozenset(_FUNCTION_WORDS.split())
_SENTENCE_END = ".!?…。！？．؟۔।"
_UNFINISHED_SIGNS = ",;:-–—(、，"
_CANNOT_END = "a an and by for from in of or the to with ao com da de do e em na no o ou para pela pelo por um uma"
_UNFINISHED_WORDS = frozenset(_CANNOT_END.split())
_CLOSING = "\"'”’»›)]}】」』*_ \t\n\r"


def words(text: str) -> list[str]:
    """The words and numbers of `text` in their order, in lower case."""
    return word_pattern().findall(text.casefold())


@cache
def word_pattern() -> regex.Pattern:
    """What a word is, compiled."""
    import regex

    return regex.compile(WORD_PATTERN)


def measure(
    answer: str, reference: str | None, title: str, retrieved: Iterable[str], tokens: int, limit: int
) -> dict[str, Any]:
    """The figures of one answer; None if a figure has no meaning for it.

    `retrieved` are the texts that were in the prompt; `limit` is the most tokens that the answer could have had.
    """
    found = words(answer)
    repeated = repetition(found)
    return {
        "chrf": None if reference is None else chrf(answer, reference),
        "rouge_l": None if reference is None else rouge_l(found, words(reference)),
        "grounded": groundedness(found, [reference or "", *retrieved], title),
        "repetition": repeated,
        "loops": None if repeated is None else repeated > LOOP_PERCENT,
        "cut_off": stops_mid_sentence(answer, tokens, limit) if found else None,
        "abstained": False,
        "words": len(found),
    }


def measure_abstention(answer: str, wrong: bool) -> dict[str, Any]:
    """The figures of an answer that abstains: it says nothing of the product, so it has no quality of its own.

    Where that is `wrong`, it is as unlike the reference as an answer can be. Where it is right, or where there is no
    reference, there is nothing to compare.
    """
    similarity = 0.0 if wrong else None
    return {
        **dict.fromkeys(("chrf", "rouge_l", "meaning"), similarity),
        **dict.fromkeys(("grounded", "repetition", "loops", "cut_off")),
        "abstained": True,
        "words": len(words(answer)),
    }


def chrf(answer: str, reference: str) -> float:
    """chrF2 of sacrebleu: the F-score (recall counts twice) of the character 1- to 6-grams, 0 to 100.

    Popović 2015, https://aclanthology.org/W15-3049
    """
    return _chrf().sentence_score(answer, [reference]).score


@cache
def _chrf():
    from sacrebleu.metrics import CHRF

    return CHRF()


def rouge_l(answer: list[str], reference: list[str]) -> float:
    """ROUGE-L: the F1 of the longest common subsequence of words, 0 to 100.

    Lin 2004, https://aclanthology.org/W04-1013. The words are those of `words`: the reference implementation keeps
    a to z and 0 to 9 only, which loses all Chinese and Arabic and splits Portuguese words at their accents.
    """
    from rapidfuzz.distance import LCSseq

    if not answer or not reference:
        return 0.0
    return 200.0 * LCSseq.similarity(answer, reference) / (len(answer) + len(reference))


def groundedness(answer: list[str], sources: Iterable[str], title: str) -> float | None:
    """The share of the answer's numbers and content words that occur in `sources`, 0 to 100.

    The words of the title do not count, since the question contains them. None where no other word is left.
    """
    given = set(words(title))
    content = [word for word in answer if is_content(word) and word not in given]
    if not content:
        return None
    known = {word for source in sources for word in words(source)}
    return 100.0 * sum(word in known for word in content) / len(content)


def is_content(word: str) -> bool:
    return word not in FUNCTION_WORDS


def repetition(answer: list[str]) -> float | None:
    """The share of the answer's 4-grams of words that occurred in it before, 0 to 100; None where it has none."""
    ngrams = Counter(zip(*(answer[start:] for start in range(NGRAM)), strict=False))
    total = ngrams.total()
    return 100.0 * (total - len(ngrams)) / total if total else None


def stops_mid_sentence(answer: str, tokens: int, limit: int) -> bool:
    """Whether the end of the last sentence is missing.

    An answer that reached the limit of its length has to end in a full stop or a similar sign. An answer that ended by
    itself needs none (`90 x 118 cm`), unless it ends in a comma, a hyphen, or a word that cannot end a sentence.
    """
    end = answer.rstrip(_CLOSING)
    if not end or end[-1] in _SENTENCE_END:
        return False
    return tokens >= limit or end[-1] in _UNFINISHED_SIGNS or not _UNFINISHED_WORDS.isdisjoint(words(end)[-1:])
