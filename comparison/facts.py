"""What a shop would ask of an answer: are the product's facts in it, and are those that it states true?

A fact is read by its letters, without a language model:

number     with the unit behind it: `78 cm`. In `90 x 118 cm` and `2 to 8 years` both numbers have the unit. `1,5 kg` is
           `1.5 kg`, and `inches` are `polegadas`. Without a unit of the list below it is the number alone.
size       what stands behind `size` or `tamanho`, if it is a number or one of `SIZES`; and XS, XL and XXL anywhere.
material   a word of the list below.
name       a word with a capital letter that does not begin a sentence, or one with letters and digits, as a model has.
           Where all words of a sentence but the ordinary ones begin with capitals, it is a heading and has no names.

Facts of the title do not count, since the question contains them. A text has a fact if the same number with the same
unit, the same size, or the same word stands anywhere in it, whatever its case. Scripts without capitals have no names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from comparison.metrics import FUNCTION_WORDS
from pipeline.catalogue.products import normalised_title

NAMES = ("facts_recall", "facts_precision", "distractors")  # the figures of `measure_facts`
HEADING_WORDS = 5  # a shorter sentence of capitals may as well be `Written by Judith Kerr`
REMEMBERED = 8192  # texts; four systems are measured against the same references and documents

# The first is the unit's name here, the others are written for it.
_UNITS = """
    mm millimetre millimetres millimeter millimeters milímetro milímetros
    cm centimetre centimetres centimeter centimeters centímetro centímetros
    m metre metres meter meters metro metros
    km kilometre kilometres kilometer kilometers quilômetro quilômetros
    inch inches in " ″ ” polegada polegadas
    ft foot feet pé pés
    mg miligrama miligramas milligram milligrams
    g gram grams grama gramas
    kg kilo kilos kilogram kilograms quilo quilos quilograma quilogramas
    oz ounce ounces onça onças
    lb lbs pound pounds libra libras
    ml millilitre millilitres milliliter milliliters mililitro mililitros
    l litre litres liter liters litro litros
    w watt watts
    v volt volts
    mah
    hz
    gb
    mb
    % percent
    ° degree degrees grau graus °c
    second seconds segundo segundos
    minute minutes min minuto minutos
    hour hours hora horas
    day days dia dias
    week weeks semana semanas
    month months mês meses
    year years yr yrs ano anos
    page pages página páginas
    piece pieces pc pcs peça peças
    pack packs pacote pacotes
"""
UNITS = {word: words[0] for line in _UNITS.strip().splitlines() for words in [line.split()] for word in words}
_SIZES = """
    xxs xs s m l xl xxl xxxl pp p g gg xg small medium large pequeno médio grande único
"""
SIZES = frozenset(_SIZES.split())
CLEAR_SIZES = frozenset(("XXS", "XS", "XL", "XXL", "XXXL", "GG"))
_MATERIALS = """
    acrylic alloy alpaca aluminium aluminum ash bamboo beech birch bone brass bronze canvas cardboard cashmere
    ceramic chiffon chrome clay copper corduroy cork cotton crystal denim elastane faux feather felt fleece foam fur
    glass gold granite hemp iron jersey lace latex leather linen lycra mahogany maple marble mesh metal microfiber
    microfibre mohair neoprene nylon oak paper pearl pewter pine plastic platinum plush polyamide polycarbonate
    polyester polyethylene polypropylene polyurethane porcelain pvc rattan rayon resin rubber sandstone satin
    silicone silk silver spandex steel stone suede teak terracotta tin titanium tulle twill velvet vinyl viscose
    walnut wicker wood wooden wool aço acrílico algodão alumínio argila bambu borracha bronze carvalho cerâmica
    cetim cobre cortiça couro cristal elastano espuma feltro ferro látex latão lã linho lona madeira malha mármore
    microfibra mogno náilon ouro papel papelão pedra pelúcia pérola plástico poliamida poliéster porcelana prata
    renda resina seda tule veludo vidro vime viscose zinco
"""
MATERIALS = frozenset(_MATERIALS.split())

NUMBER = r"\d+(?:[.,]\d+)*"
LETTER = "a-z\u00df-\u024f"  # Latin: `mp3` is no number, but Chinese writes numbers without spaces
_BETWEEN = r"\s*(?:x|×|-|–|to|by|and|a|por|até|e)\s*"
_UNIT = "|".join(map(re.escape, sorted(set(UNITS) - {"in"}, key=len, reverse=True)))
MEASURE = re.compile(
    rf"(?<![{LETTER}\d.,])({NUMBER}(?:{_BETWEEN}{NUMBER})*)"
    rf"(?:\s*-?(?:({_UNIT})(?!\w)|(in)(?!\w|\s+[^\W\d]))|(?![{LETTER}\d]|[.,]\d))"  # `30 in the box` is no length
)
SIZE = re.compile(r"\b(?:sizes?|tamanhos?):?\s+(\w+)")
WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
SENTENCE_START = re.compile(r"[.!?…:;|\n•*“\"«(]")
POSSESSIVE = re.compile(r"['’]s$")
LETTERS_AND_DIGITS = re.compile(rf"(?=.*\d)(?=.*[{LETTER}])", re.IGNORECASE)


class Source(NamedTuple):
    """A document in the prompt: the title of its product, and its text."""

    product: str
    text: str


def measure_facts(answer: str, reference: str | None, title: str, retrieved: list[Source]) -> dict[str, float | None]:
    """Shares of facts from 0 to 100; None where there is nothing to count.

    facts_recall: of the reference's facts, those that the answer has.
    facts_precision: of the answer's facts, those that the reference or a document has.
    distractors: of the answer's facts, those that another product's document has, and neither the reference nor a
    document of the product itself; None where no other product was in the prompt.
    """
    asked = mentions(title)
    wanted, said = facts(reference or "") - asked, facts(answer) - asked
    same = normalised_title(title)
    own, others = set(mentions(reference or "")), set()
    for product, text in retrieved:
        (own if normalised_title(product) == same else others).update(mentions(text))
    has_others = any(normalised_title(source.product) != same for source in retrieved)
    return {
        "facts_recall": share(wanted & mentions(answer), wanted),
        "facts_precision": share(said & (own | others), said) if reference is not None or retrieved else None,
        "distractors": share(said & others - own, said) if has_others else None,
    }


def share(part: frozenset | set, whole: frozenset | set) -> float | None:
    return 100.0 * len(part) / len(whole) if whole else None


@lru_cache(REMEMBERED)
def facts(text: str) -> frozenset[str]:
    """The facts of `text`: numbers as `78 cm`, sizes as `size m`, materials and names as words in small letters."""
    words = {plain(word) for word in WORD.findall(text)}
    return frozenset({*_measures(text), *_sizes(text), *(words & MATERIALS), *_names(text)})


@lru_cache(REMEMBERED)
def mentions(text: str) -> frozenset[str]:
    """Everything in `text` that a fact can be equal to: its numbers, sizes and all of its words."""
    return frozenset({*_measures(text), *_sizes(text), *(plain(word) for word in WORD.findall(text))})


def plain(word: str) -> str:
    return POSSESSIVE.sub("", word.casefold())


def _measures(text: str) -> Iterator[str]:
    for match in MEASURE.finditer(text.casefold()):
        unit = UNITS.get(match[2] or match[3] or "", "")
        for number in re.findall(NUMBER, match[1]):
            yield f"{number_as_written_here(number)} {unit}".strip()


def number_as_written_here(number: str) -> str:
    """`1,5` as `1.5`, `1,000` as `1000`: three digits behind a comma or point are thousands, others are decimals."""
    *whole, last = re.split("[.,]", number)
    if not whole or len(last) == 3:
        return "".join([*whole, last]).lstrip("0") or "0"
    decimals = last.rstrip("0")
    digits = "".join(whole).lstrip("0") or "0"
    return f"{digits}.{decimals}" if decimals else digits


def _sizes(text: str) -> Iterator[str]:
    for size in SIZE.findall(text.casefold()):
        if size in SIZES or size.isdecimal():
            yield f"size {size}"
    for word in WORD.findall(text):
        if word in CLEAR_SIZES:
            yield f"size {word.casefold()}"


def _names(text: str) -> Iterator[str]:
    for sentence in _sentences(text):
        content = [word for word in sentence if word.casefold() not in FUNCTION_WORDS]
        heading = len(content) >= HEADING_WORDS and all(not word[0].islower() for word in content)
        for place, word in enumerate(sentence):
            is_model = LETTERS_AND_DIGITS.match(word) and not MEASURE.match(word.casefold())
            is_name = place and not heading and word[0].isupper() and len(word) > 1
            if is_model or (is_name and word.casefold() not in FUNCTION_WORDS and word not in CLEAR_SIZES):
                yield plain(word)


def _sentences(text: str) -> Iterator[list[str]]:
    """The words of each sentence; a colon, a bracket or a quotation mark begins one too."""
    sentence: list[str] = []
    end = 0
    for match in WORD.finditer(text):
        if sentence and SENTENCE_START.search(text, end, match.start()):
            yield sentence
            sentence = []
        sentence.append(match[0])
        end = match.end()
    if sentence:
        yield sentence
