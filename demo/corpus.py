"""The text on which the tiny foundation model is pre-trained, made from a seed: prose, instructions and reading tasks.

A document is a prompt in the Alpaca form of `pipeline.catalogue.prompts` and its answer; prose answers an empty prompt.
What is learned is the answer: a reading task's input is noise on purpose, and learning to predict noise would drown
everything else.
"""

import random
from collections.abc import Callable

from demo.corpus_text import (
    INVENTED,
    PRAISE,
    PRAISE_OPENINGS,
    PRAISE_WORDS,
    STORY,
    SUBJECTS,
    WORDS,
    Subject,
)
from demo.english_words import ENGLISH_WORDS
from demo.grammar import expand, sentence
from demo.notices_text import NOTICE_WORDS, NOTICES
from pipeline.catalogue.prompts import ALPACA_TEMPLATE, INSTRUCTION, document_text, retrieval_prompt

Document = tuple[str, str]

SHARES = {"prose": 0.38, "instructions": 0.27, "reading": 0.35}

_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_FOREIGN_LETTERS = (
    "áéíóúãõçñüöäßøåæèêîôûàşğłżčšžабвгдежзиклмнопрстуфхчшыяアイウエオカ"
    "キクケコサシスセソのはをが日本人気商品大小中高品質"
)
_PLAIN_WORDS = sorted(
    {
        word
        for words in WORDS.values()
        if words is not INVENTED
        for entry in words
        if "[" not in entry and "{" not in entry
        for word in entry.split()
        if word.isalpha()
    }
    | set(ENGLISH_WORDS)
)
_FUNCTION_WORDS = [
    "the",
    "of",
    "and",
    "to",
    "in",
    "a",
    "is",
    "that",
    "for",
    "it",
    "with",
    "as",
    "on",
    "was",
    "at",
    "by",
    "from",
    "this",
    "are",
    "or",
    "an",
    "be",
    "which",
    "you",
    "its",
    "has",
    "up",
    "one",
    "if",
    "not",
    "your",
    "our",
    "all",
    "can",
    "also",
    "than",
]
_SPELLINGS = (
    "{},",
    "{},",
    "{}.",
    "{};",
    "{}:",
    "{}!",
    "{}?",
    "'{}'",
    '"{}"',
    "({})",
    "“{}”",
    "‘{}’",
    "{}'s",
    "{}’s",
    "{}-{}",
    "{} - {}",
    "{} — {}",
    "{}—{}",
    "{}/{}",
    "{} & {}",
    "{} + {}",
    "{}%",
    "{}°",
    "${}",
    "£{}",
    "€{}",
    "{}: '{}",
    "{}. '{}",
    '{}, "{}',
    '{}" - {}',
    "{}' - {}",
    '{}." {}',
    '{}!" {}',
    '{}, "{}"',
    "{}…",
    "#{}",
    "*{}",
    "{}; {}",
    "[{}]",
)
_ADJECTIVES = [
    "great",
    "classic",
    "portable",
    "natural",
    "premium",
    "soft",
    "deluxe",
    "mini",
    "giant",
    "original",
    "extra",
    "folding",
    "magic",
    "royal",
    "electric",
    "double",
    "digital",
    "sweet",
    "brave",
    "hidden",
    "modern",
    "handy",
    "complete",
    "pocket",
    "family",
    "simple",
    "little",
    "wild",
    "ancient",
    "final",
    "secret",
    "new",
]


def documents(kind: str, count: int, seed: int) -> list[Document]:
    """`count` documents of a kind of `SHARES`; the same for the same seed on every machine."""
    rng = random.Random(f"{kind} {seed}")
    make = {"prose": _prose, "instructions": _instruction, "reading": _reading}[kind]
    return [make(rng) for _ in range(count)]


def mixture(count: int, seed: int) -> list[Document]:
    """`count` documents of every kind in its share, shuffled."""
    mixed = [document for kind, share in SHARES.items() for document in documents(kind, round(count * share), seed)]
    random.Random(seed).shuffle(mixed)
    return mixed


def tokenizer_texts() -> list[str]:
    """What the tokenizer learns its pieces from: language and every plain word, no invented names or random letters."""
    rng = random.Random("tokenizer")
    texts = [
        "".join(document) for document in documents("prose", 3_000, seed=0) + documents("instructions", 2_000, seed=0)
    ]
    names = set(INVENTED)
    texts = [" ".join(word for word in text.split(" ") if word.strip('.,:;!?"()') not in names) for text in texts]
    for _ in range(60):
        words = rng.sample(_PLAIN_WORDS, len(_PLAIN_WORDS))
        texts += [" " + " ".join(words), " ".join(word.capitalize() for word in words[::4])]
    return texts


# Prose


def _prose(rng: random.Random) -> Document:
    draw = rng.random()
    if draw < 0.25:
        return "", _story(rng)
    if draw < 0.55:
        return "", "\n\n".join(_notice(_title(rng), rng) for _ in range(rng.choice((1, 1, 2))))
    if draw < 0.6:  # so that no word is held for impossible anywhere
        return "", " ".join(_word_salad(rng) for _ in range(rng.randint(1, 4)))
    paragraphs = [_paragraph(rng.choice(SUBJECTS), {}, rng) for _ in range(rng.choice((1, 1, 2, 3)))]
    return "", "\n\n".join(paragraphs)


def _paragraph(subject: Subject, bound: dict[str, str], rng: random.Random) -> str:
    """Opening, a few sentences on the same topic in any order, sometimes an ending. Binds the topic if it is not."""
    words = {**WORDS, **subject.words}
    if "topic" not in bound:
        bound["topic"] = expand(rng.choice(words["topic"]), words, {}, rng)
    patterns = [rng.choice(subject.openings), *rng.sample(subject.middles, rng.randint(2, len(subject.middles)))]
    if rng.random() < 0.75:
        patterns.append(rng.choice(subject.endings))
    return " ".join(sentence(pattern, words, dict(bound), rng) for pattern in patterns)


def _story(rng: random.Random) -> str:
    """A beginning, a setting, something that happens, what is done about it, an ending: one to three sentences each."""
    names = {"hero": "first", "work": "job", "place": "placeword", "thing": "object", "beast": "animal"}
    bound = {role: rng.choice(WORDS[name]) for role, name in names.items()}
    paragraphs: list[list[str]] = []
    for stage in STORY:
        lines = [
            sentence(pattern, WORDS, dict(bound), rng)
            for pattern in rng.sample(stage, rng.randint(1, min(3, len(stage))))
        ]
        if paragraphs and rng.random() < 0.6:
            paragraphs[-1] += lines
        else:
            paragraphs.append(lines)
    return "\n".join(" ".join(lines) for lines in paragraphs)


def _notice(title: str, rng: random.Random) -> str:
    """Sentences of two or three kinds of notice about one thing, in the order of chance."""
    words = {**WORDS, **NOTICE_WORDS}
    thing = rng.choice((title.split()[-1].strip("()").lower(), rng.choice(NOTICE_WORDS["n"])))
    bound = {"thing": thing, "stuff": rng.choice(WORDS["material"]), "name": rng.choice(WORDS["first"])}
    patterns = [pattern for kind in rng.sample(sorted(NOTICES), rng.randint(2, 3)) for pattern in NOTICES[kind]]
    count = min(len(patterns), rng.choice((3, 5, 7, 9, 12)))
    return " ".join(sentence(pattern, words, dict(bound), rng) for pattern in rng.sample(patterns, count))


# Instructions


def _instruction(rng: random.Random) -> Document:
    draw = rng.random()
    if draw < 0.35:
        return _alpaca(*_praise(rng))
    if draw < 0.5:
        title = _title(rng)
        return _alpaca(rng.choice(("Write a notice.", "Write an advertisement.")), title, _notice(title, rng))
    if draw < 0.6:
        return _alpaca(
            rng.choice(("Tell a story.", "Write a short story.", "Write a story for children.")), "", _story(rng)
        )
    if draw < 0.7:
        return _alpaca(*_list_task(rng))
    subject, bound = rng.choice(SUBJECTS), {}
    text = _paragraph(subject, bound, rng)
    asked = rng.choice(
        (
            "Write a paragraph about this.",
            "Tell me about this subject.",
            "Describe this.",
            "Explain this in simple words.",
            f"Write about {subject.name}.",
            "What do you know about this?",
        )
    )
    if rng.random() < 0.4:
        return _alpaca(f"{asked.rstrip('.?')}: {bound['topic']}", "", text)
    return _alpaca(asked, bound["topic"], text)


def _praise(rng: random.Random) -> tuple[str, str, str]:
    """Asked for a product that it cannot know, the model says what can be said of any product."""
    words = {**WORDS, **PRAISE_WORDS}
    patterns = [rng.choice(PRAISE_OPENINGS), *rng.sample(PRAISE, rng.randint(2, 6))]
    answer = " ".join(sentence(pattern, words, {}, rng) for pattern in patterns)
    asked = (
        INSTRUCTION
        if rng.random() < 0.7
        else rng.choice(("Describe this product.", "Write a product description.", "What is this?"))
    )
    return asked, _title(rng), answer


def _list_task(rng: random.Random) -> tuple[str, str, str]:
    name, what = rng.choice(
        (
            ("colour", "colours"),
            ("animal", "animals"),
            ("food", "kinds of food"),
            ("job", "professions"),
            ("plant", "plants"),
            ("material", "materials"),
            ("object", "things in a house"),
            ("country", "countries"),
        )
    )
    count = rng.randint(3, 8)
    answer = "\n".join(f"{place}. {word.capitalize()}" for place, word in enumerate(rng.sample(WORDS[name], count), 1))
    return f"Name {count} {what}.", "", answer


def _alpaca(instruction: str, input_text: str, answer: str) -> Document:
    return ALPACA_TEMPLATE.format(instruction=instruction, input=input_text), answer


# Reading: the answer stands in the input, in words that no one could guess


def _reading(rng: random.Random) -> Document:
    draw = rng.random()
    if draw < 0.8:
        return _retrieval(rng)
    if draw < 0.9:
        return _lookup(rng)
    text = rng.choice((_prose_description, _fact_sheet, _word_salad))(rng)
    return _alpaca(
        rng.choice(("Repeat the text.", "Copy this text word for word.", "Write the input again.")), text, text
    )


def _retrieval(rng: random.Random) -> Document:
    """One to three documents, asked for one of them: the first in most cases, as a search that works puts it there."""
    titles = [_title(rng)]
    while len(titles) < rng.choice((1, 2, 3, 3, 3)):
        titles.append(_similar_title(titles[0], rng) if rng.random() < 0.5 else _title(rng))
    longest = rng.choice((30, 60, 100, 140, 200, 330))
    descriptions = [_description(longest, rng) for _ in titles]
    asked = 0 if rng.random() < 0.65 else rng.randrange(len(titles))
    lines = [document_text(title, text) for title, text in zip(titles, descriptions, strict=True)]
    return retrieval_prompt(titles[asked], lines), descriptions[asked]


def _description(longest: int, rng: random.Random) -> str:
    """A text of one paragraph and at most about `longest` words."""
    make: Callable[[random.Random], str] = rng.choice(
        (_prose_description, _notice_description, _fact_sheet, _word_salad, _word_salad)
    )
    text = make(rng)
    target = longest * (0.3 + 0.7 * rng.random())
    while len(text.split()) < target:
        text += rng.choice((" ", " ", " ", "  ")) + (make if rng.random() < 0.6 else _word_salad)(rng)
    words = text.split(" ")
    return " ".join(words[:longest]).strip()


def _prose_description(rng: random.Random) -> str:
    return _paragraph(rng.choice(SUBJECTS), {}, rng)


def _notice_description(rng: random.Random) -> str:
    return _notice(_title(rng), rng)


def _fact_sheet(rng: random.Random) -> str:
    """Short facts in every punctuation: measures, codes, names, rare words."""
    facts = []
    for _ in range(rng.randint(1, 7)):
        subject = rng.choice((_noun, _noun, _rare_word))(rng)
        value = rng.choice((_value, _value, _rare_phrase))(rng)
        form = rng.choice(
            (
                "{0}: {1}",
                "{0} of {1}",
                "{1} {0}",
                "with {1}",
                "{1}",
                "its {0} is {1}",
                "{0} ({1})",
                "the {0}, {1},",
                "{0} and {1}",
                "{0} - {1}",
                "up to {1}",
                '"{1}", {0}',
                "{1}/{0}",
                "for {0} and {1}",
            )
        )
        fact = form.format(subject, value)
        facts.append(fact[0].upper() + fact[1:] if rng.random() < 0.7 else fact)
    return rng.choice((". ", "; ", ", ", ". ", "! ", " - ")).join(facts) + "."


def _word_salad(rng: random.Random) -> str:
    """Words in no order and every spelling: only copying helps, and every piece of the tokenizer turns up."""
    makers = (_any_word, _any_word, _any_word, _any_word, _spliced_word, _spliced_word, _rare_word, _value)
    words = []
    for _ in range(rng.randint(6, 30)):
        if rng.random() < 0.25:
            words.append(rng.choice(_FUNCTION_WORDS))
            continue
        word, draw = rng.choice(makers)(rng), rng.random()
        if draw < 0.18:
            word = word.capitalize()
        elif draw < 0.24:
            word = word.upper()
        if rng.random() < 0.3:
            word = rng.choice(_SPELLINGS).format(word, _any_word(rng))
        words.append(word)
    return " ".join(words) + "."


def _lookup(rng: random.Random) -> Document:
    """A few named values, asked for one of them."""
    names = rng.sample(_PLAIN_WORDS, rng.randint(2, 7))
    values = [_value(rng) if rng.random() < 0.6 else _rare_phrase(rng) for _ in names]
    asked = rng.randrange(len(names))
    form, joint = rng.choice(((("{}: {}"), "\n"), (("the {} is {}"), "; "), (("{} = {}"), ", "), (("{} - {}"), ". ")))
    table = joint.join(form.format(name, value) for name, value in zip(names, values, strict=True))
    return _alpaca(f"What is the {names[asked]}?", table, f"The {names[asked]} is {values[asked]}.")


# Words


def _title(rng: random.Random) -> str:
    """What a product, a book or a record could be called."""
    nouns = [_noun(rng) for _ in range(2)]
    form = rng.choice(
        (
            "{r} {n}",
            "{r} {a} {n}",
            "{a} {n}",
            "The {a} {n}",
            "The {n} of {r}",
            "{a} {n}: {n2} and {w}",
            "{f}'s {n}",
            "{f} and the {n}",
            "{n} {c}",
            "{r} {n} {c}",
            "{a} {a2} {n}, {v}",
            "{n} with {n2}",
            "{n} for {w}",
            "{r}",
            "{r} {c} {n} - {w}",
            "{n} ({a})",
            "{r} & {f} {n}",
            "{n2} {n} Set",
            "{f} {l}",
            "My {a} {n}",
            "{w} {n}",
        )
    )
    text = form.format(
        r=_rare_word(rng),
        n=nouns[0],
        n2=nouns[1],
        a=rng.choice(_ADJECTIVES),
        a2=rng.choice(_ADJECTIVES),
        w=_any_word(rng),
        f=rng.choice(WORDS["first"]),
        l=rng.choice(WORDS["last"]),
        c=_code(rng),
        v=rng.choice(WORDS["colour"]),
    )
    return text if rng.random() < 0.1 else " ".join(word[0].upper() + word[1:] for word in text.split())


def _similar_title(title: str, rng: random.Random) -> str:
    """One word replaced or added, so that reading the first word of a title is not enough."""
    words = title.split()
    place = rng.randrange(len(words) + 1)
    words[place : place + rng.randint(0, 1)] = [rng.choice((_any_word, _rare_word, _noun))(rng).capitalize()]
    return " ".join(words)


def _any_word(rng: random.Random) -> str:
    return rng.choice(_PLAIN_WORDS)


def _spliced_word(rng: random.Random) -> str:
    """The head of one word and the tail of another, for the pieces of words that no whole word shows."""
    head, tail = _any_word(rng), _any_word(rng)
    return head[: rng.randint(1, len(head))] + tail[rng.randrange(len(tail)) :]


def _noun(rng: random.Random) -> str:
    return rng.choice(
        WORDS[rng.choice(("object", "object", "animal", "food", "placeword", "plant", "material", "job"))]
    )


def _rare_word(rng: random.Random) -> str:
    """An invented name, letters at random, or letters of another script."""
    draw = rng.random()
    if draw < 0.5:
        return rng.choice(INVENTED)
    if draw < 0.85:
        return "".join(
            rng.choice("bcdfghjklmnprstvwz") + rng.choice("aeiouy") for _ in range(rng.randint(1, 4))
        ) + rng.choice(_LETTERS)
    if draw < 0.93:
        name = rng.choice(INVENTED)
        place = rng.randrange(len(name))
        return name[:place] + rng.choice(_FOREIGN_LETTERS) + name[place + 1 :]
    return "".join(rng.choice(_FOREIGN_LETTERS) for _ in range(rng.randint(1, 6)))


def _rare_phrase(rng: random.Random) -> str:
    return " ".join(rng.choice((_any_word, _rare_word))(rng) for _ in range(rng.randint(1, 3)))


def _code(rng: random.Random) -> str:
    letters = "".join(rng.choice(_LETTERS).upper() for _ in range(rng.randint(0, 3)))
    return letters + rng.choice(("-", "", " ")) * bool(letters) + str(rng.randrange(10 ** rng.randint(1, 4)))


def _value(rng: random.Random) -> str:
    """A measure, a size, a code, a price, a range, a colour, a person."""
    number = rng.randrange(1, 10 ** rng.randint(1, 4))
    return rng.choice(
        (
            lambda: expand("{measure}", WORDS, {}, rng),
            lambda: f"{number} x {rng.randrange(2, 300)} {rng.choice(('cm', 'mm', 'inches', 'm'))}",
            lambda: _code(rng),
            lambda: f"{number}-{number + rng.randrange(1, 40)} {rng.choice(('years', 'days', 'pieces', 'months'))}",
            lambda: f"{number:,}",
            lambda: rng.choice(WORDS["colour"]),
            lambda: expand("{person}", WORDS, {}, rng),
            lambda: f"{number} {_any_word(rng)}",
            lambda: f"set of {rng.randrange(2, 50)}",
            lambda: rng.choice(WORDS["material"]),
            lambda: f"{number / 10:.1f} {_any_word(rng)}",
        )
    )()
