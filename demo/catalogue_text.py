"""What the catalogue is written with: words, and for every category its titles, hidden facts and sentences.

Patterns are those of `grammar`. A fact ({material}, {size} ...) is drawn once for a product and never stands in its
title, so that only somebody who has read the description can know it.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Category:
    """A department: `facts` are the values a product can have, `openings`, `details` and `closings` its sentences."""

    name: str
    titles: tuple[str, ...]
    words: dict[str, list[str]]
    facts: dict[str, list[str]]
    openings: tuple[str, ...]
    details: tuple[str, ...]
    closings: tuple[str, ...]


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",")]


def _numbers(first: int, last: int, step: int = 1) -> list[str]:
    return [f"{number:,}" for number in range(first, last + 1, step)]


def _sizes(widths: range, heights: range, unit: str) -> list[str]:
    return [f"{width} x {height} {unit}" for width in widths for height in heights]


COLOURS = _words(
    "navy, charcoal, mustard, teal, burgundy, ivory, sage, coral, slate, plum, rust, mint, indigo, sand, cherry red, "
    "forest green, sky blue, dusty rose, graphite, turquoise, lilac, ochre, lemon, black, cream"
)
YEARS = [str(year) for year in range(1968, 2014)]

COMMON = {
    "brand": _words(
        "Harrowgate, Pellinore, Völund, Tansy & Rook, Osterley, Kitewood, Brindlecote, Maré Alta, Quillon, Fennimore, "
        "Aldous Pike, Norrland, Bexhill, Copperline, Dunmarrow, Eskdale, Farthingale, Grevillea, Halcyra, Ibbotson, "
        "Jorvik Works, Kestrelby, Lorimer, Mossbank, Nantucker, Ombré, Pomfret, Rosvall, Saltire, Thackeray Bros, "
        "Umberleigh, Vantongeren, Wexcombe, Yarrowfield, Zephyrine, Castlemartin, Drumlin, Elderbrook, Finchingfield, "
        "Gristmill, Hollin & Daughters, Inverarity, Juniper Yard, Kilbride, Larkspur Lane, Muddlewick, Orsova, "
        "Petit Renard, Ravenglass, Stavely, Tidewrack, Brackenthwaite, Calloway, Merrivale, Ostara, Peverell"
    ),
    "first": _words(
        "Agnes, Rufus, Ottilie, Conrad, Maeve, Tobias, Ingrid, Lionel, Beatriz, Jonas, Philippa, Anselm, Renée, Hugo, "
        "Clementine, Dmitri, Esther, Fergus, Greta, Horatio, Isolde, Jasper, Katya, Leopold, Marguerite, Nils, Odette, "
        "Percival, Rosalind, Stefan, Thea, Ulrich, Verity, Winifred, Zoë, João, Søren, Björn, Amélie, Íris"
    ),
    "last": _words(
        "Harcastle, Venn, Okonedo, Lindqvist, Marchetti, Thorne, Abernethy, Castellanos, Dunmore, Eastlake, Faraday, "
        "Galbraith, Huxtable, Ivanova, Jessop, Kowalczyk, Lazarev, Montrose, Nakagawa, Ormerod, Penhaligon, Quist, "
        "Rutherglen, Sandoval, Tremaine, Underhay, Vasquez, Whitlock, Yardley, Zellweg, Brontov, Cordeiro, Müller, "
        "Fjeld, Haldane, Prideaux, Sallow, Winterbourne"
    ),
    "person": ["{first} {last}"],
    "initial": list("ABCDEFGHJKLMNPRSTW"),
    "town": _words(
        "Ambleforth, Port Sorrel, Dunwick, Saint-Évran, Lower Quill, Marrowbridge, Tarnsea, Old Harbour, Kirkmoor, "
        "Valdoro, Østervik, Penmarrow, Hexley, Northam, Cinder Bay, Loch Arrin, Greywater, Bellacqua, Holm Cross"
    ),
    "country": _words(
        "Portugal, Italy, England, Sweden, Poland, Canada, Vietnam, Brazil, India, Scotland, Turkey, Japan"
    ),
    "colour": COLOURS,
    "praiseline": [
        "[exactly as described|just what I was looking for|better than the picture|well worth the money]",
        "[I bought a second one for|I gave this to] [my sister|my father|our neighbour|a friend at work]",
        "[sturdier than I expected|smaller than I thought but lovely|the quality surprised me]",
        "[arrived two days early|came well packed|shipping took a while], [but no complaints|and I am very happy with "
        "it]",
        "[three years of daily use and still going strong|my old one lasted a decade and this feels the same]",
    ],
}

REVIEWS = (
    '"{+praiseline}, {praiseline}." - {first} {initial}., {town}',
    'One customer writes: "{+praiseline}. {+praiseline}."',
    '"{+praiseline}!" says {first} from {town}.',
    "What the papers say: '[A small triumph|Simply the best of its kind|Hard to fault|We want one]' - [The {town} "
    "Courier|{town} Weekly|The Sunday Lantern|Maker's Quarterly]",
    '[Five|Four] stars from {first} {initial}.: "{+praiseline}; {praiseline}."',
)

LONG_EXTRAS = (
    "About {brand}: [founded in {year} in a former {trade} in {town}|started by two sisters from {town} in {year}|a "
    "family firm from {town}, now in its {ordinal} generation], the company [still makes everything by hand|employs "
    "{staff} people|sells to shops in {staff} towns and answers every letter]. [Its first product was a {oddity} that "
    "nobody wanted; its second sold out within a week.|The owner, {person}, still checks every order on Friday "
    "afternoon.|The workshop is open to visitors every {weekday}, and tea is served at four.]",
    "Question: [does it come with a guarantee|can I return it|is it a good present]? Answer: [yes, for {staff} months "
    "from the day of purchase, receipt or no receipt|of course, within {staff} days and in its box|we think so, and we "
    "wrap it for nothing if you ask].",
    "Please note that [colours may differ slightly from the photographs|every piece is a little different, which is "
    "how it should be|we ship from {town} on {weekday}s|this item cannot be sent to a post office box]. [Orders placed "
    "before noon leave the same day.|Allow up to {staff} working days for delivery to the islands.|]",
    "We tested it ourselves: {first} from the [packing room|office|warehouse] [used it every day for {staff} weeks|"
    "took it on a trip to {town}|lent it to three neighbours], and [the only complaint was about the box|nobody wanted "
    "to give it back|it came home with nothing worse than a scratch]. [That is more than can be said of the {oddity} "
    "we "
    "sold before it.|We have ordered one for every member of staff.|]",
    "A word on packaging: [no plastic, just paper and a length of string|the box is made from recycled card and "
    "doubles "
    "as a {oddity}|we now ship in plain cartons, so the surprise stays a surprise]. [Please recycle it.|Children tend "
    "to "
    "like it as much as what was inside.|]",
    "In {year} the {town} [Fair|Design Week|Chamber of Trade] gave it [a bronze medal|second prize|a special mention], "
    "and {person}, who sat on the jury, called it [honest work|the one thing in the hall I would have paid for|a quiet "
    "answer to a loud market]. [We have kept the letter.|The certificate hangs in our {trade}.|]",
)
EXTRA_WORDS = {
    "trade": _words("tannery, bakery, sail loft, brewery, schoolhouse, printing works, railway shed, chapel, mill"),
    "oddity": _words(
        "folding umbrella stand, birdcage, boot scraper, letter opener, candle clock, egg timer, doll's house"
    ),
    "ordinal": _words("second, third, fourth, fifth"),
    "staff": [str(number) for number in range(6, 61)],
    "weekday": _words("Monday, Tuesday, Wednesday, Thursday, Friday, Saturday"),
    "year": YEARS,
}

SHORT = (
    "",
    "Imported.",
    "Brand new.",
    "See photo.",
    "{thing}",
    "No description available.",
    "Great {thing}!",
    "New in box.",
    "{brand} {thing}.",
    "Ships from {town}.",
    "{colour} {thing}",
    "A [fine|nice|lovely] {thing} by {brand}.",
    "N/A",
    "[Made in {country}|From {country}]. [One only|While stocks last].",
    "As shown in the picture, colour {colour}.",
    "Used, [good|very good|acceptable] condition.",
    "Gift idea!",
    "Please read the reviews before you order.",
)

FOREIGN = (
    "[Um clássico|Uma escolha segura|Feito à mão] da {brand}: [acabamento cuidadoso|costuras reforçadas|peças bem "
    "ajustadas], {count} unidades por caixa e garantia de {months} meses. [Não acompanha pilhas.|Produto fabricado em "
    "{town}.|Ideal para presentear.] [Limpar com pano úmido; não usar solventes.|Guarde em lugar seco, longe do sol.]",
    "[Fabriqué à|Conçu à] {town} par {brand}, cet article [léger et solide|très apprécié des connaisseurs] est livré "
    "avec {count} accessoires. [Garantie {months} mois.|À offrir ou à s'offrir.] [Nettoyer avec un chiffon doux.|Déjà "
    "adopté par des milliers de familles.] Référence {count}-{months}.",
    "[Hochwertig verarbeitet|Sorgfältig gefertigt] von {brand} in {town}: {count} Teile, {months} Monate Garantie. "
    "[Für Anfänger und Könner geeignet.|Das ideale Geschenk für große und kleine Leute.] [Nicht spülmaschinenfest.|"
    "Lieferung in stabiler Schachtel.]",
    "[Hecho a mano|Fabricado] por {brand} en {town}, incluye {count} piezas y {months} meses de garantía. [Úselo con "
    "cariño: durará años.|Perfecto para niños y mayores.] [Límpiese con un paño húmedo.|Envío en 48 horas.]",
    "Сделано в {town} фирмой {brand}. В комплекте {count} предметов, гарантия {months} месяцев. [Отличный подарок для "
    "всей семьи.|Хранить в сухом месте.] Manual in Russian and English, box slightly worn, contents unused.",
    "{brand} の人気商品です。セット内容：{count}点、保証期間{months}か月。[贈り物に最適。|日本語説明書付き。] "
    "Japanese import; the leaflet is in Japanese, an English summary of two pages is enclosed by the seller.",
)

CATEGORIES: tuple[Category, ...] = (
    Category(
        "clothing",
        (
            "{brand} {audience} {colour} {thing}",
            "{brand} {style} {thing}",
            "{audience} {style} {thing}",
            "{style} {thing} for {audience2}",
            "{brand} {thing} - {colour}",
            "{+colour} {style} {thing} by {brand}",
        ),
        {
            "thing": _words(
                "Cardigan, Raincoat, Waistcoat, Pyjama Set, Work Shirt, Pinafore Dress, Wool Scarf, Bobble Hat, "
                "Kimono, "
                "Duffle Coat, Sun Dress, Polo Shirt, Fleece Jacket, Apron Dress, Nightshirt, Beret, Leggings Set"
            ),
            "style": _words(
                "Harbour, Weekend, Orchard, Striped, Polka Dot, Fisherman, Long Sleeve, Vintage, Cable Knit, Hooded, "
                "Quilted, Pleated, Two-Tone, Highland, Matinee, Lighthouse, Botanical"
            ),
            "audience": _words("Women's, Men's, Girls', Boys', Toddler, Unisex"),
            "audience2": _words("Women, Men, Girls, Boys, Toddlers"),
            "occasion": _words(
                "school, a wedding, the allotment, long train journeys, the beach, a winter walk, the office"
            ),
        },
        {
            "material": _words(
                "merino wool, brushed cotton, linen, bamboo viscose, corduroy, organic cotton jersey, lambswool, "
                "tweed, "
                "recycled polyester, cotton poplin, flannel, seersucker, alpaca, waxed canvas, denim, silk noil"
            ),
            "buttons": _words("three, four, five, six, seven, eight, nine"),
            "fastener": _words(
                "coconut buttons, brass snaps, a two-way zip, horn toggles, mother-of-pearl buttons, "
                "hidden hooks, wooden toggles, a drawstring"
            ),
            "length": _numbers(42, 118),
            "wash": _words("30, 40, 60"),
            "pockets": _words(
                "two patch pockets, one inside pocket, a kangaroo pocket, three slanted pockets, no "
                "pockets, "
                "four deep pockets, a zipped chest pocket"
            ),
            "origin": COMMON["country"],
        },
        (
            "[Cut|Sewn|Made] from {material}, this {thing} is [as soft as it looks|meant to be lived in|a wardrobe "
            "staple].",
            "[Dress up|Keep warm|Turn heads] [at {occasion}|on the way to {occasion}] in this [easy|cheerful|classic] "
            "{thing} from {brand}.",
            "A {thing} [that goes with everything|you will reach for every morning|with room to move], [in|knitted in|"
            "made of] {material} [and finished by hand|and fully lined|].",
            "{+material} {thing} with {fastener}.",
            "Perfect for {occasion} [and beyond|or just for lazing about]: our {thing} [fits true to size|runs a "
            "little "
            "large|has a relaxed fit].",
        ),
        (
            "It closes with {fastener} and has {pockets}.",
            "[Length|Measures] {length} cm from [shoulder to hem|collar to hem] in a size medium.",
            "[The shell is|Outside it is] 100% {material}; the lining is [cotton|viscose|unbleached calico].",
            "{+pockets}[, ribbed cuffs and a turn-down collar|, a hanging loop and taped seams| and a curved hem].",
            "[Machine wash|Wash] at {wash} degrees [with similar colours|inside out|on a gentle cycle], [do not tumble "
            "dry|dry flat|iron while damp].",
            "Made in {origin} [by a mill that has spun yarn for a century|in a small family workshop|under fair "
            "conditions].",
            "The {colour} trim [on the collar|along the hem|around the cuffs] is [sewn on by hand|a nod to old "
            "uniforms].",
            "Sizes [XS to XXL|S, M, L and XL|2 to 12 years|8 to 20]; [if in doubt, order one size up|see our size "
            "chart].",
            "Our model is {height} tall and wears a [small|medium|large].",
            "[Double stitching|Bar tacks] at the [shoulders|pocket corners] [keep|save] the shape after many washes.",
            "It comes with {buttons} [spare|extra] buttons in a little {material} bag.",
            "[Elasticated waist|Adjustable straps|A dropped shoulder] for [comfort|growing children|layering].",
        ),
        (
            "[Also available|Available] in {colour} and {colour}.",
            "[Wear it with|Pairs nicely with] [jeans|boots|a plain shirt|sandals] and [forget about the "
            "weather|enjoy].",
            "Costume jewellery shown [is not included|sold separately].",
            "A favourite [gift|present] for [birthdays|Christmas|new mothers].",
        ),
    ),
    Category(
        "novels",
        (
            "The {secret} of {place}",
            "{place}",
            "The {trade2}'s {secret2}",
            "{A} {secret2} for {first}",
            "{noun1} and {noun2}",
            "The {adj} {noun3}",
            "The {adj} {noun3}: A Novel",
            "The {place} Mystery ({series} Book {volume})",
            "{adj} {noun2}",
            "The Last {trade2} of {place}",
            "What {first} {last} {did}",
        ),
        {
            "secret": _words(
                "Lanterns, Salt Road, Drowned Bells, Quiet Daughters, Glass Orchard, Winter Letters, Map, "
                "Inheritance, Ferryman, Clockwork Heart, Second Harvest"
            ),
            "secret2": _words("Promise, Apprentice, Almanac, Silence, Ledger, Lullaby, Reckoning, Daughter, Compass"),
            "place": _words(
                "Orrin Vale, Saltmarsh House, Kellerman Street, Cold Ember Lane, Maravel, The Hollow "
                "Coast, "
                "Blackthorn Quay, Tamarisk Island, Number Nine Wharf, The Upper Meadow, Cape Desolate, "
                "Villa Amaro"
            ),
            "trade2": _words(
                "Beekeeper, Cartographer, Glassblower, Widow, Piano Tuner, Lighthouse Keeper, Bookbinder, "
                "Gravedigger, Interpreter, Confectioner, Locksmith"
            ),
            "noun1": _words("Ash, Thunder, Marrow, Sugar, Feathers, Smoke, Velvet, Bread, Rivers, Iron"),
            "noun2": _words("Mercy, Cinders, Shadows, Honey, Nettles, Ghosts, Starlings, Ink, Rain, Oranges"),
            "noun3": _words("Season, Passenger, Garden, Bridge, Witness, Summer, Choir, Telegram, Station, Harbour"),
            "adj": _words("Unfinished, Crooked, Silent, Borrowed, Crimson, Distant, Forgotten, Paper, Hungry, Seventh"),
            "series": _words("Inspector Quist, The Tidewrack Saga, Miss Venn Investigates, The Ember Chronicles"),
            "volume": _numbers(1, 9),
            "did": _words("Knew, Left Behind, Never Said, Heard, Buried"),
            "A": ["A"],
            "hero": [
                "a [retired|young|disgraced|stubborn|widowed] "
                "[judge|nurse|translator|sailor|seamstress|surveyor|teacher|"
                "violinist|postman|archivist]"
            ],
            "crime": [
                "a [body|letter|child|trunk of banknotes|stranger] [is found|turns up|washes ashore] [in the "
                "boathouse|on the morning of the fair|behind the altar|under the floor of the school]"
            ],
            "stake": _words(
                "the farm, her own good name, a brother's life, the truth about the fire, the only copy of "
                "the will, "
                "an old love, the family business"
            ),
            "praise": _words(
                "luminous, gripping to the last page, funny and heartbreaking in equal measure, a "
                "slow-burning "
                "marvel, elegant and unsparing, the debut of the year, a book to press on your friends"
            ),
        },
        {
            "author": [f"{first} {last}" for first in COMMON["first"] for last in COMMON["last"]],
            "pages": _numbers(124, 688, 4),
            "year": YEARS,
            "setting": COMMON["town"],
            "format": _words(
                "hardcover, paperback, large print, library binding, audio CD, pocket edition, trade paperback"
            ),
            "chapters": _numbers(14, 61),
            "publisher": _words(
                "Lantern & Crane, Saltbox Press, Morwenna Books, Ninth Wave, Fieldfare, Cask & Quill, "
                "Ardent House, "
                "Vesper Classics, Tallow Street Press"
            ),
            "weeks": _numbers(3, 58),
            "translator": [f"{first} {last}" for first in COMMON["first"][::3] for last in COMMON["last"][::3]],
        },
        (
            "[When|The summer that|On the night that] {crime}, {hero} [must choose|is forced to choose] between "
            "{stake} and "
            "{stake}.",
            "{author}'s [new|second|long-awaited|most personal] novel [takes us to|opens in|returns to] {setting}, "
            "where "
            "{crime}.",
            "{setting}, {year}. {+crime}, and {hero} [is the only one who saw|knows more than is safe|has until Sunday "
            "to explain].",
            "[A sweeping story of|A tale of|A novel about] {stake}, set in {setting} in the [years after|months "
            "before|shadow "
            "of] the [great flood|strike|war|gold rush].",
            '"[One|It was the kind of] {weekday} in {setting}[, the bells would not ring|when even the gulls were '
            'silent]." So '
            "begins {author}'s [haunting|warm|sharp-eyed] novel.",
            "First published in {year} and [long out of print|now a classic|never before in English], this is the book "
            "that made "
            "{author} [famous|notorious|the voice of a generation].",
        ),
        (
            "{+hero} [arrives|comes home] [with nothing but a suitcase|after eleven years|under a false name] and soon "
            "[discovers|suspects] that {stake} [is at stake|was never safe|can be bought].",
            "Told in {chapters} [short|interlocking|breathless] chapters, the story [moves between|weaves together] "
            "{setting} and "
            "{place2}.",
            "{author} was born in {birthplace} and [lives on a houseboat|teaches at a village school|worked as a "
            "pharmacist] "
            "[before turning to fiction|with two dogs and a typewriter|near {town}].",
            "[The author of|From the author of] The {adj} {noun3} and The {trade2}'s {secret2}[, winner of the {town} "
            "Prize|].",
            "[It spent|The book spent] {weeks} weeks on the bestseller list [in {country}|and was filmed twice|without "
            "a single "
            "advertisement].",
            "Translated [from the Portuguese|from the Swedish|from the Polish] by {translator}.",
            "{+format}, {pages} pages, {publisher}.",
            "{publisher} {format} edition of {year}, {pages} pages[, with a reading group guide|, with a foreword by "
            "{translator}|"
            ", dust jacket included].",
            "But [nobody|not everyone] in {setting} [wants the past disturbed|is who they say they are], and [as the "
            "snow "
            "closes the pass|as the tide comes in|when the lights go out] [the village makes its own law|old debts "
            "fall due].",
            "[Critics called it|Reviewers have called it|It has been called] {praise}.",
            '"{+praise}." - [The {town} Review|Sunday Lantern|{person}]',
            "[At its heart this is|Above all it is] a story about [sisters|fathers and sons|forgiveness|the price of "
            "silence|what "
            "we owe the dead].",
        ),
        (
            "[For readers of|Fans of] [family sagas|slow mysteries|historical fiction] will [not want it to end|feel "
            "at home].",
            "[Reading group questions|An interview with the author] [at the back|included].",
            "A map of {setting} [is printed on the endpapers|follows page {chapters}].",
            "[Previously published|Also published] as The {noun3} of {place}.",
        ),
    ),
    Category(
        "children's books",
        (
            "{hero2} and the {adj} {object}",
            "{hero2}'s {adj} Day",
            "Goodnight, {hero2}!",
            "Where Is {hero2}'s {object}?",
            "{hero2} Goes to {placek}",
            "The {animal} Who {feat}",
            "My First Book of {topic}",
            "{hero2} Counts to {ten}",
            "Ten Little {animal}s",
            "Look and Find: {topic}",
            "{hero2} the {adj} {animal}",
        ),
        {
            "hero2": _words(
                "Pip, Mabel, Bramble, Tuppence, Otto, Wilbur, Fig, Nettle, Captain Crumb, Dot, Barnaby, "
                "Moppet, Zuzu, "
                "Little Quill, Professor Paws, Tilly Tumble, Humphrey, Button"
            ),
            "animal": _words(
                "Hedgehog, Badger, Otter, Penguin, Elephant, Mouse, Donkey, Owl, Snail, Walrus, Puffin, Hippo, Goose"
            ),
            "object": _words(
                "Umbrella, Teapot, Mitten, Kite, Submarine, Birthday Cake, Moonbeam, Wagon, Trumpet, Picnic, Puddle"
            ),
            "adj": _words(
                "Very Wet, Wobbly, Upside-Down, Sneezy, Brave, Muddled, Enormous, Invisible, Grumpy, Starry, Lost"
            ),
            "placek": _words("the Moon, School, the Seaside, Grandma's House, the Dentist, the Market, Sea, the Fair"),
            "feat": _words(
                "Could Not Sleep, Ate the Rainbow, Learned to Whistle, Forgot Tuesday, Knitted the Sea, Sailed Away"
            ),
            "topic": _words(
                "Tractors, Colours, Weather, Feelings, Insects, Opposites, Shapes, Farm Animals, Words, "
                "Numbers, Dinosaurs"
            ),
            "ten": _words("Ten, Twenty, Twelve"),
            "lesson": _words(
                "sharing, being brave, saying sorry, going to bed, trying new food, the first day at "
                "school, patience, "
                "losing a tooth, making friends, a new baby in the house"
            ),
        },
        {
            "author": [f"{first} {last}" for first in COMMON["first"] for last in COMMON["last"]],
            "illustrator": [f"{first} {last}" for first in COMMON["first"][::-1] for last in COMMON["last"]],
            "pages": _numbers(10, 64, 2),
            "ages": [
                "6 months-2 years",
                "1-3 years",
                "2-4 years",
                "3-5 years",
                "3-6 years",
                "4-7 years",
                "5-8 years",
                "2-6 years",
            ],
            "flaps": _numbers(8, 95),
            "kind": _words(
                "board book, picture book, lift-the-flap book, pop-up book, cloth book, sound book, sticker "
                "book, "
                "bath book, touch-and-feel book"
            ),
            "size": _sizes(range(14, 31, 2), range(15, 33, 3), "cm"),
            "companion": _words(
                "a snail, a lost sock, a very old tortoise, the postman, two rude geese, a talking kettle, the moon"
            ),
        },
        (
            "[A|A delightful|A charming|An irresistible] {kind} about {lesson}[, with pictures by {illustrator}|].",
            "[Oh no!|Oh dear!|Splash!] {hero2} has [lost something important|fallen in|a terrible cold] and only "
            "{companion} can "
            "[help|save the day].",
            "[Join|Follow] {hero2} and {companion} [on a moonlit adventure|through wind and rain|all around the "
            "garden] in this "
            "[rhyming|gentle|very silly] story by {author}.",
            "{author}'s [best-loved|warm-hearted|much-loved] {kind} has [delighted|been read to] [toddlers|little "
            "ones|children] "
            "[for more than {flaps} years|all over {country}].",
            "[Bedtime|Rainy afternoons] will never be the same: [meet|here comes] {hero2}, [who is afraid of nothing "
            "but|who "
            "shares everything except with] {companion}.",
        ),
        (
            "[Lift|Open] the {flaps} flaps to [find out who is hiding|help {hero2} tidy up|discover what happens "
            "next].",
            "[The sturdy|Thick|The rounded, wipe-clean] pages are [just right for|made for|kind to] small hands.",
            "Ages {ages}.",
            "[Recommended for|For|Suitable for] {ages}; {pages} [full-colour|sturdy|illustrated] pages.",
            "{illustrator}'s [watercolours|collages|bold paintings|pencil drawings] [hide something new on every "
            "page|are full of "
            "jokes for grown-ups too|glow with colour].",
            "[Format|Size]: {kind}, {size}[, {pages} pages|].",
            "[On every page|At the end] there is [a button to press|a mirror|a rhyme to say aloud|a question to answer "
            "together].",
            "[Told in|With] [simple rhyme|repeated phrases|only a few words a page], it is [ideal for reading "
            "aloud|easy to learn by "
            "heart|a first step to reading].",
            "{hero2} [finds|meets|is followed home by] {companion}, and together they [build a raft|bake a cake|look "
            "for the sun|"
            "learn that being small is not so bad].",
            "A [gentle|playful] way to talk about {lesson} [with young children|at nursery|before it happens].",
            "{author} [has four children|was a primary school teacher|once drove a library van] and [lives in|comes "
            "from] {town}.",
        ),
        (
            "[Other books|More] in the series: {hero2} and the {object}, {hero2} Goes to {placek}.",
            "[A lovely|The perfect] [christening|birthday|first] present.",
            "[Printed with|Made with] [soya inks|card from managed forests].",
            "[Includes|Comes with] a [growth chart|sheet of {flaps} stickers|finger puppet].",
        ),
    ),
    Category(
        "non-fiction",
        (
            "{subject}: {angle}",
            "The {brand} Guide to {subject}",
            "{subject} for Beginners",
            "A Short History of {subject}",
            "The Complete {subject} Handbook",
            "{number1} {subject} Projects",
            "Understanding {subject}",
            "{subject} in {town}",
        ),
        {
            "subject": _words(
                "Bread, Sourdough Baking, Beekeeping, Watercolour, Stargazing, Knots, Medieval Castles, "
                "Wild Swimming, "
                "Woodcarving, Tea, Bird Song, Bicycle Repair, Crochet, Chess Endings, Mushrooms, Sign "
                "Painting, "
                "Portuguese Grammar, Steam Railways, Composting, Calligraphy, Meditation, Small Boats, "
                "Lace, Volcanoes"
            ),
            "angle": _words(
                "A Practical Course, An Illustrated History, From First Steps to Mastery, Notes from a "
                "Lifetime, "
                "The Essential Companion, A Field Guide, Myths and Methods, A Year in Practice"
            ),
            "number1": _words("Fifty, One Hundred, Thirty, Twenty-Five"),
            "reader": _words(
                "complete beginners, anyone with an hour to spare, teachers, curious travellers, the "
                "serious amateur, "
                "families, students in their first year"
            ),
        },
        {
            "author": [f"{first} {last}" for first in COMMON["first"] for last in COMMON["last"]],
            "pages": _numbers(96, 512, 4),
            "photos": _numbers(24, 412, 4),
            "year": YEARS,
            "edition": _words(
                "second edition, third edition, revised edition, fourth edition, anniversary edition, first edition"
            ),
            "publisher": _words(
                "Plumb Line Press, Hearth & Handle, Meridian Academic, Green Shed Books, Almanac House, Caslon Field"
            ),
            "chapters": _numbers(6, 28),
            "binding": _words(
                "spiral bound, lay-flat binding, cloth boards, flexicover, stapled wrappers, sewn paperback"
            ),
            "isbn": [f"978-{n % 9 + 1}-{1000 + 37 * n % 8999}" for n in range(200)],
        },
        (
            "[Everything|All] you need to [begin with|know about|get started in] {subject}, [from|explained by] "
            "{author}[, who has "
            "taught the subject for {chapters} years|].",
            "[In this|In the] {edition} of a [standard work|much-thumbed classic], {author} [explains|shows|sets out], "
            "step by step, "
            "[what most books leave out|how it is really done].",
            "[Why|How] did {subject} [change the way we live|become a passion for millions]? {author} [travelled from "
            "{town} to "
            "{town}|spent {chapters} years in archives] to find out.",
            "{photos} [photographs|drawings|diagrams] and {chapters} [lessons|chapters] make this the "
            "[clearest|friendliest|most "
            "thorough] [introduction|guide] [on the shelf|we know].",
            "[Written for|Aimed at] {reader}, this [book|handbook|volume] [takes nothing for granted|starts at the "
            "beginning].",
        ),
        (
            "[Part one|The first half] [covers|deals with] [tools and materials|the basics|origins]; [part two|the "
            "second half] "
            "[offers|contains] {projects} [projects|case studies|exercises] [of growing difficulty|with answers].",
            "{pages} pages, {binding}, {publisher} {year}.",
            "[Published by|From] {publisher} in {year}[; {edition}|].",
            "{author} is [a former engineer|professor emeritus at {town}|a self-taught craftsman|a columnist for The "
            "{town} Courier] "
            "and [the author of nine books|has won the {town} medal twice|lives off the grid].",
            "[Contains|With] {photos} [colour photographs|line drawings|maps and tables] [by {person}|taken for this "
            "book|].",
            "The {chapters} chapters [can be read in any order|follow the seasons|build on one another].",
            "ISBN {isbn}; {binding}[, so that it stays open on the bench|].",
            "[A glossary|An index|A list of suppliers] [and a table of common mistakes|and further reading] [close the "
            "volume|is "
            "included].",
            "[The chapter on|Its section on] [safety|mistakes|costs|choosing materials] [alone is worth the price|has "
            "been "
            "rewritten for this edition].",
            '[Reviewed as|Praised as] "[clear, patient and witty|the book I wish I had owned at '
            'twenty|indispensable]" by '
            "[The {town} Review|{person}|Field & Bench].",
        ),
        (
            "[Suitable for|Recommended for] {reader}.",
            "[No previous knowledge is needed|All measures are metric|Templates can be copied from the back].",
            "[Ex-library copy|Light wear to the corners], otherwise [clean|tight and unmarked].",
        ),
    ),
    Category(
        "toys",
        (
            "{brand} {stylet} {thing}",
            "{stylet} {thing}",
            "{thing} with {extra}",
            "{brand} {thing} ({colour})",
            "My {stylet} {thing}",
            "{stylet} {thing} Playset",
        ),
        {
            "thing": _words(
                "Pirate Ship, Fire Engine, Doll's House, Marble Run, Train Set, Shape Sorter, Puppet "
                "Theatre, Rocking Horse, "
                "Robot, Tea Set, Farmyard, Kite, Spinning Top, Crane, Balance Bike, Building Blocks, "
                "Pull-Along Duck, "
                "Doctor's Case, Castle, Rocket"
            ),
            "stylet": _words(
                "Jumbo, Little Explorer, Rainbow, Wind-Up, Glow, Mini, Deluxe, Pocket, Garden, Arctic, "
                "Jungle, Wooden, "
                "Magnetic, Talking, Junior, Super"
            ),
            "extra": _words("Driver, Lights, Carry Case, Storybook, Sound, Stickers, Animals"),
            "skill": _words(
                "hand-eye coordination, counting, storytelling, first words, balance, taking turns, colour "
                "recognition, "
                "fine motor skills"
            ),
        },
        {
            "material": _words(
                "beech wood, rubberwood, recycled plastic, birch plywood, pressed tin, felt, maple, "
                "soft silicone, "
                "cotton plush, sturdy cardboard, limewood, cork"
            ),
            "pieces": _numbers(8, 246),
            "ages": [
                "12 months and up",
                "18 months and up",
                "2 years and up",
                "3 years and up",
                "4 years and up",
                "5 to 9 years",
                "6 years and up",
                "8 years and up",
                "3 to 7 years",
            ],
            "size": _sizes(range(18, 64, 3), range(9, 47, 3), "cm"),
            "batteries": [
                "3 AAA batteries",
                "2 AA batteries",
                "one 9 V battery",
                "no batteries",
                "4 AA batteries",
                "2 button cells",
                "a USB cable",
            ],
            "figures": _words(
                "two knights and a dragon, a captain and her parrot, three bears, a nurse and a patient, "
                "four penguins, a "
                "farmer with six hens, one astronaut, a cook and two guests, five sheep, a driver and a "
                "dog"
            ),
            "standard": _words("EN 71, ASTM F963, CE, ISO 8124, UKCA"),
        },
        (
            "[Hours of fun|Let imagination run wild|Hands up for adventure]: this {thing} [comes with|includes] "
            "{pieces} pieces and "
            "{figures}.",
            "{pieces}-piece {thing} made of {material}.",
            "[Little hands|Children|Young builders] [love|can't resist] [the {colour} wheels|the crank that really "
            "turns|the secret "
            "door] of this {material} {thing}.",
            "[Watch it go|Ready, steady, play]! The {thing} from {brand} [rolls, rattles and lights up|needs only a "
            "push|works "
            "straight from the box] and needs {batteries}.",
            "[Encourages|Develops|Great for] {skill} and {skill}.",
        ),
        (
            "[Includes|In the box:] {figures}.",
            "[Assembled size|Measures|Size]: {size}.",
            "[Works with|Requires|Powered by] {batteries}[ (not included)|].",
            "[For ages|Recommended age:|Suitable for children of] {ages}.",
            "[Made of|Crafted from|All parts are of] {material} and [painted with water-based colours|finished with "
            "beeswax|smooth "
            "to the touch].",
            "[Tested to|Meets|Conforms to] {standard}[; no small parts|; contains small parts|].",
            "[It teaches|A playful way to practise] {skill} [without anybody noticing|while having fun].",
            "[The set has|Count them:] {pieces} pieces [that store in a drawstring bag|that click together without "
            "tools|in five "
            "colours].",
            "[Wipe clean with a damp cloth|Spot clean only|Machine washable in a pillowcase].",
            "[Some assembly needed|An adult puts it together in {minutes} minutes|No assembly required].",
            "[Folds flat|Stacks neatly|Packs away into its own box] [for travel|when play is over|to fit under a bed].",
            "[The {colour} version|This one] [squeaks|glows in the dark|has a removable roof] [when pressed|after ten "
            "minutes of "
            "light|so that everyone can reach inside].",
        ),
        (
            "[Collect them all!|Add the {stylet} extension for even more play.|Batteries and patience not included.]",
            "[WARNING: choking hazard, not for children under three.|Adult supervision is advised.]",
            "[Winner of|Shortlisted for] the {town} Toy [Prize|Award].",
        ),
    ),
    Category(
        "games and puzzles",
        (
            "{game}",
            "{game}: The {place3} Edition",
            "{brand} {scene} Jigsaw Puzzle",
            "{scene} Puzzle",
            "{game} Card Game",
            "{game} - Family Board Game",
            "{adj2} {game}",
        ),
        {
            "thing": ["game", "puzzle"],
            "game": _words(
                "Smugglers of the Fjord, Tiny Empires, Quill & Dagger, Turnip Tycoon, Moth to the Flame, "
                "Lost Caravan, Seven "
                "Locks, Bluff Harbour, Rook's Gambit, Cloud Farmers, Gossip, Night Train, Coral Kings, "
                "Dragon's Pantry"
            ),
            "scene": _words(
                "Harbour at Dawn, Autumn Market, Hot Air Balloons, Candy Shop, Old World Map, Kittens in a "
                "Basket, Alpine "
                "Railway, Night Sky, Bookshop Window, Flower Stall"
            ),
            "place3": _words("Island, Northern, Travel, Jubilee, Desert"),
            "adj2": _words("Deluxe, Pocket, Junior, Giant, Vintage"),
            "aim": _words(
                "collect three matching relics, be first to the lighthouse, empty your hand, build the "
                "longest caravan, keep a "
                "straight face, uncover the traitor, sell all your turnips"
            ),
        },
        {
            "players": ["2 to 4", "2 to 6", "3 to 8", "1 to 4", "2 to 5", "4 to 12", "two", "1 to 6"],
            "minutes2": _numbers(15, 120, 5),
            "ages": ["6+", "7+", "8+", "10+", "12+", "14+", "5+"],
            "pieces": _numbers(100, 2000, 50),
            "cards": _numbers(32, 220, 4),
            "size": _sizes(range(30, 70, 4), range(22, 50, 4), "cm"),
            "designer": [f"{first} {last}" for first in COMMON["first"] for last in COMMON["last"]],
            "token": _words(
                "wooden meeples, pewter tokens, glass beads, bamboo dice, acrylic gems, linen pouches, painted camels"
            ),
        },
        (
            "[Can you|Who will be first to|Your task is to] {aim}[?| before the sand runs out?| while the others do "
            "the same?] A game by "
            "{designer} for {players} players.",
            "[Quick to learn and hard to put down|Easy rules, cruel decisions]: {players} players, {minutes2} minutes, "
            "ages {ages}.",
            "[Gather round|Clear the table]! [The box holds|Inside are] {cards} cards, {token} and [a double-sided "
            "board|one nasty surprise].",
            "{pieces} pieces, {size} [when finished|assembled][, with a poster for reference|].",
            "[Designed|Invented] by {designer} [on a ferry to {town}|after losing at chess once too often], this is a "
            "game of [bluff and "
            "nerve|patience|quick hands].",
        ),
        (
            "[Contents|Contains]: {cards} cards, {token}, a rule book[ in four languages|].",
            "[A round|One game] takes [about|roughly] {minutes2} minutes.",
            "[Number of players|Players]: {players}. Age: {ages}.",
            "[On your turn|Each turn] you [draw two cards and play one|roll, move and trade|may lie, but only once]; "
            "[whoever|the first who] "
            "manages to {aim} wins.",
            "[The {token} are a pleasure to handle|Everyone fights over the {colour} {token}].",
            "[The board|The finished picture] measures {size}.",
            "[Thick|Linen-finish|Recycled] card, [cut so that no two pieces are alike|printed without glare|that does "
            "not bend].",
            "{designer} [also made|is known for] {game} and [two expansions|a dozen small games].",
            "[A solo variant|Rules for teams|A shorter version for children] [is included|comes with it].",
            "[Nominated for|Winner of] the {town} Game Prize in {year}.",
        ),
        (
            "[Fits in a coat pocket.|Small box, big evening.|Spare parts can be ordered from us for ever.]",
            "[Complete, checked and counted.|Shrink-wrapped.|Box has a dent on one corner.]",
        ),
    ),
    Category(
        "kitchen",
        (
            "{brand} {thing}",
            "{brand} {stylek} {thing}",
            "{stylek} {thing}",
            "{thing} with Lid, {colour}",
            "{brand} {thing} Set",
            "Large {stylek} {thing}",
        ),
        {
            "thing": _words(
                "Casserole, Teapot, Chef's Knife, Mixing Bowl, Frying Pan, Pepper Mill, Cake Tin, Salad "
                "Spinner, Kettle, Coffee "
                "Press, Bread Bin, Rolling Pin, Colander, Pie Dish, Storage Jar, Chopping Board, Gravy "
                "Boat, Wok, Whisk, Milk Jug"
            ),
            "stylek": _words(
                "Farmhouse, Bistro, Classic, Speckled, Nordic, Stackable, Heritage, Professional, "
                "Everyday, Stoneground, "
                "Two-Handled, Rustic, Compact"
            ),
            "dish": _words(
                "slow stews, Sunday roasts, porridge, sourdough, dumplings, lemon cake, risotto, soup for "
                "eight, pancakes, jam"
            ),
        },
        {
            "material": _words(
                "enamelled cast iron, stainless steel, borosilicate glass, stoneware, carbon steel, "
                "olive wood, hammered "
                "copper, bone china, anodised aluminium, acacia, silicone, terracotta, tritan, spun "
                "brass"
            ),
            "capacity": [f"{n / 10:.1f} litres" for n in range(3, 79)],
            "size": [f"{n} cm" for n in range(14, 47)],
            "weight": [f"{n / 100:.2f} kg" for n in range(22, 680, 9)],
            "heat": _numbers(160, 280, 10),
            "handle": _words(
                "a beech handle, a riveted steel handle, a heat-proof cork grip, two looped handles, a "
                "soft-grip handle, a "
                "walnut knob, a folding handle"
            ),
            "guarantee": _words("two-year, five-year, ten-year, lifetime, twenty-five-year, twelve-month"),
            "count": _words("set of 2, set of 3, set of 4, set of 6, single piece, set of 8"),
        },
        (
            "[For|Made for|Ideal for] {dish} and {dish}: a {thing} [in|of] {material} [that heats evenly|that will "
            "outlive you|that goes "
            "from oven to table].",
            "[Holds|Capacity] {capacity}; [diameter|across] {size}; {weight}.",
            "[No kitchen is complete without|Every cook needs] a [good|proper|decent] {thing}, and this one, "
            "[cast|turned|pressed|made] from "
            "{material}, [is ours|does the job|is hard to beat].",
            "{brand} [has made|started out making] {thing}s [in {country} since {year}|for ships' galleys], and it "
            "shows: {material}, {handle}, "
            "[nothing to break|no nonsense].",
            "[{+count}|Sold as: {count}]. [Looks as good on the table as in the cupboard|Cooks like a dream].",
        ),
        (
            "[It has|Fitted with] {handle} [that stays cool|that never works loose].",
            "[Volume|Capacity]: {capacity}.",
            "[The base|The body|It] is [made of|solid] {material}, [thick enough for induction|polished inside|with a "
            "satin finish].",
            "[Oven safe|Safe in the oven] up to {heat} degrees.",
            "[Measures|It is] {size} [across the rim|from end to end] and weighs {weight}.",
            "[Dishwasher safe|Wash by hand and dry at once|Rub with oil twice a year].",
            "[Backed by|Comes with] a {guarantee} guarantee.",
            "[Suitable for|Works on] [all hobs including induction|gas and electric hobs|the barbecue too].",
            "[The {colour} glaze|The {colour} enamel|The matt surface] [hides scratches|will not chip|wipes clean].",
            "[Drip-free spout|Tight-fitting lid|Non-slip base], [graduated inside|with a steam vent|with a hanging "
            "ring].",
            "[We use it for|Try it for] {dish}[; the recipe is on the box|].",
        ),
        (
            "[Not for microwave use.|Microwave and freezer safe.|Free of PFOA and nickel.]",
            "[Gift boxed.|Lid sold separately.|Matching {thing} available in {colour}.]",
        ),
    ),
    Category(
        "tools",
        (
            "{brand} {thing}",
            "{brand} {modelx} {thing}",
            "{stylex} {thing}",
            "{brand} {stylex} {thing}",
            "{thing} Kit for {trade3}",
            "{modelx} {stylex} {thing}",
        ),
        {
            "thing": _words(
                "Cordless Drill, Torque Wrench, Hand Plane, Spirit Level, Claw Hammer, Socket Set, Jigsaw, "
                "Bench Vice, Tape "
                "Measure, Chisel Set, Soldering Iron, Tool Chest, Pipe Cutter, Staple Gun, Angle Grinder, "
                "Clamp, Utility Knife, "
                "Workbench"
            ),
            "modelx": _words("TX-40, KR 12, M7, Duo 18, HB-210, Q3, 880 Pro, Series 5, VT-9"),
            "stylex": _words(
                "Heavy Duty, Compact, Folding, Precision, Ratcheting, Insulated, Left-Handed, Workshop, Telescopic"
            ),
            "trade3": _words("Plumbers, Luthiers, Electricians, Model Makers, Roofers, Cabinet Makers"),
            "job": _words(
                "hanging doors, hardwood decking, tight corners, site work, furniture repair, boat fitting, "
                "overhead work"
            ),
        },
        {
            "material": _words(
                "chrome vanadium steel, drop-forged steel, die-cast aluminium, ductile iron, tool "
                "steel, glass-filled nylon, "
                "hornbeam, tungsten carbide, manganese bronze, magnesium alloy"
            ),
            "power": [f"{n} watts" for n in range(180, 2300, 45)],
            "torque": [f"{n} Nm" for n in range(18, 240, 6)],
            "weight": [f"{n / 10:.1f} kg" for n in range(3, 148)],
            "size": [f"{n} mm" for n in range(90, 940, 15)],
            "pieces": _numbers(4, 172, 2),
            "hardness": [f"{n} HRC" for n in range(48, 65)],
            "case": _words(
                "a steel case, a canvas roll, a moulded case, a waxed-cotton bag, a wooden box, a foam-lined tray"
            ),
        },
        (
            "[Built for|Made for|At home with] {job}: {material}, {weight}, [no plastic where it counts|nothing that "
            "rattles].",
            "[Delivers|With] {power} and {torque}, this {thing} [makes short work of|is equal to] {job}.",
            "{pieces}-piece {thing} in {case}.",
            "[Professionals|Joiners|Fitters] [asked for|wanted] a {thing} that [stays sharp|survives a fall|fits the "
            "hand]; {brand} [listened|made "
            "it from {material}].",
            "[The jaws|The head|The blade|The body] of {material}, [hardened to {hardness}|ground on both faces], [is "
            "guaranteed for life|shrugs "
            "off abuse].",
        ),
        (
            "Weight {weight}, length {size}.",
            "[Maximum torque|Torque]: {torque}; [rated input|input]: {power}.",
            "[Supplied|Delivered|Comes] in {case} with {pieces} [accessories|pieces|bits].",
            "[Hardness|Hardened and tempered to] {hardness}.",
            "[Soft-grip|Vibration-damped|Ash] handle [with a lanyard hole|for tired wrists|that can be replaced].",
            "[Quick-release lever|Variable-speed trigger|Magnetic holder|Brushless motor] [for one-handed use|runs "
            "cool all day|as standard].",
            "[Its working parts are of|Made from] {material}[, blued against rust|, nickel plated|].",
            "[Capacity|Opens to|Cuts up to] {size}.",
            "[Accuracy|Each one is checked] [to within half a millimetre|and signed by hand|against a master gauge in "
            "{town}].",
            "[Also good for|Handy for] {job}[, if you know what you are doing|].",
            "[An LED|A laser line|A belt clip] [lights the work|is built in|keeps it close].",
        ),
        (
            "[Wear eye protection.|Battery sold separately.|Spare blades in packs of ten.|Three-year warranty after "
            "registration.]",
            "[Meets DIN and BS standards.|Calibration certificate enclosed.|Oil before storage.]",
        ),
    ),
    Category(
        "garden",
        (
            "{brand} {thing}",
            "{plant} {seedkind}",
            "{styleg} {thing}",
            "{plant} - {seedkind}",
            "{brand} {styleg} {thing}",
            "{plant} '{variety}'",
        ),
        {
            "thing": _words(
                "Watering Can, Pruning Shears, Wheelbarrow, Bird Feeder, Planter, Compost Bin, Garden "
                "Fork, Hose Reel, Parasol, "
                "Cold Frame, Trellis, Hand Trowel, Leaf Rake, Fire Bowl, Rain Gauge"
            ),
            "styleg": _words(
                "Long Reach, Galvanised, Cottage, Folding, Terrace, Allotment, Victorian, Self-Watering, Balcony"
            ),
            "plant": _words(
                "Sweet Pea, Climbing Rose, Tomato, Runner Bean, Lavender, Cornflower, Chilli, Dahlia, "
                "Pumpkin, Thyme, Foxglove, Leek"
            ),
            "seedkind": _words("Seeds, Bulbs, Seed Collection, Starter Plants"),
            "variety": _words("Duchess of Quill, Black Lantern, Moonraker, Little Ottilie, Painted Sky, Early Marvel"),
            "pest": _words("slugs, drought, late frost, pigeons, forgetful owners, clay soil, wind"),
        },
        {
            "material": _words(
                "galvanised steel, cedar, powder-coated iron, recycled rubber, glazed terracotta, "
                "bamboo, teak, zinc, willow, "
                "fibreglass, ash and forged steel, slate"
            ),
            "height": [f"{n} cm" for n in range(18, 240, 4)],
            "capacity": [f"{n} litres" for n in range(2, 320, 5)],
            "months2": _words(
                "March to May, April to June, February to April, August to October, May to July, September to November"
            ),
            "spacing": [f"{n} cm apart" for n in range(5, 95, 5)],
            "seeds": _numbers(12, 480, 6),
            "days": _numbers(6, 118, 2),
            "weight": [f"{n / 10:.1f} kg" for n in range(4, 190, 3)],
        },
        (
            "[Stands up to|Laughs at|Proof against] {pest} and {pest}.",
            "[Sow|Plant] from {months2}, {spacing}, and [look forward to|expect] [flowers|the first harvest|seedlings] "
            "after {days} days.",
            "[Made of|In] {material}, {height} [tall|high], with room for {capacity}.",
            "[Old gardeners|Our grandparents] knew [the value of|why] {material}: [it lasts|it ages well|it never lets "
            "you down].",
            "[About|Contains] {seeds} [seeds|plants|bulbs][, saved by hand in {town}|, untreated|].",
        ),
        (
            "[Grows to|Reaches|Height] {height}.",
            "[Space|Thin] to {spacing} in [full sun|half shade|any good soil].",
            "[Sowing time|Best from] {months2}.",
            "[Ready|Germinates|In bloom] [after|in about] {days} days.",
            "[Empty weight|Weighs only|Weight] {weight}.",
            "[Holds|Takes] {capacity}[, enough for a whole bed|].",
            "[The {material} is|{+material},] [treated against rot|left to weather to silver|brushed and sealed].",
            "[Pack of|Packet contains] {seeds}.",
            "[Loved by bees and butterflies|Good for cutting|Slugs dislike it|Safe for pets and hedgehogs].",
            "[Water sparingly|Feed once a week|Cut back hard in autumn|Bring indoors before the frost].",
            "[Assembles in minutes with the key provided|Replacement parts are kept in stock|Drainage holes are "
            "pre-drilled].",
        ),
        (
            "[Not for human consumption.|Award of Garden Merit.|Harmful if eaten.|Organic certified.]",
            "[Delivered in a cardboard tube.|Sold without plants.|Supplied dormant from October.]",
        ),
    ),
    Category(
        "electronics",
        (
            "{brand} {thing}",
            "{brand} {modele} {thing}",
            "{stylee} {thing}",
            "{brand} {stylee} {thing}, {colour}",
            "{thing} for {device}",
            "{modele} {stylee} {thing}",
        ),
        {
            "thing": _words(
                "Headphones, Bluetooth Speaker, Desk Lamp, Alarm Clock, Power Bank, Keyboard, Webcam, "
                "Pocket Radio, USB Hub, "
                "Turntable, Projector, Memory Card, Smart Plug, Weather Station, Camera Bag, Charging "
                "Dock, Night Light"
            ),
            "modele": _words("Aria 2, N-50, Pebble, Vox Mini, ST7, Orbit, EX-101, Lumo, Echo Reef, K4"),
            "stylee": _words(
                "Wireless, Retro, Foldable, Waterproof, Ultra Slim, Travel, Solar, Noise-Isolating, Portable"
            ),
            "device": _words("Tablets, Laptops, Phones, Cameras, Cars"),
        },
        {
            "battery": [f"{n} hours" for n in range(4, 73)],
            "capacity": [f"{n:,} mAh" for n in range(800, 24000, 650)],
            "range": [f"{n} metres" for n in range(6, 96, 3)],
            "weight": [f"{n} g" for n in range(38, 1450, 17)],
            "housing": _words(
                "bamboo, brushed aluminium, soft-touch plastic, walnut veneer, recycled ocean plastic, "
                "magnesium, woven fabric, "
                "tempered glass, leatherette"
            ),
            "ports": _words(
                "two USB-C ports, one HDMI port, three USB-A ports, a headphone jack, an optical input, a "
                "microSD slot, a "
                "gold-plated jack, four charging ports"
            ),
            "rating": _words("IPX4, IP67, IPX7, IP54, IP65, IPX5"),
            "cable": [f"{n / 10:.1f} m cable" for n in range(5, 32)],
        },
        (
            "[Up to|Enjoy|A full] {battery} [of play time|on one charge|between charges], {capacity} [battery|cell], "
            "{ports}.",
            "[Small enough to pocket at|A mere|Just] {weight}, [big enough to fill a room|yet built like a tank].",
            "[The {modele}|Its] [body|case|shell] of {housing} [hides|holds] {ports} and a [battery|cell] good for "
            "{battery}.",
            "[Tired of|No more] [tangled cables|dead batteries|tinny sound]? [This|The new] {thing} "
            "[connects|pairs|works] [in seconds|out of "
            "the box] and reaches {range}.",
            "[Rain, sand or soap|Poolside or mountain top]: {rating} [means it does not care|protection].",
        ),
        (
            "[Connectivity|Connections]: {ports}[; {cable}|].",
            "[Range|Wireless range] {range}[ in the open|].",
            "[Battery|Rechargeable cell]: {capacity}, {battery}.",
            "[Weighs|Weight:] {weight}.",
            "[Housing|Finish|Made] of {housing}[ in {colour}|].",
            "[Protection class|Water resistance] {rating}.",
            "[A {cable}|The {cable}] [is included|is long enough for any desk].",
            "[Touch controls|Real buttons|A single knob] [for volume and track|you can find in the dark|and nothing to "
            "learn].",
            "[Compatible with|Works with] [all common systems|phones and tablets|most cars built since {year}].",
            "[First use|Setup] [is by app|needs no account|takes two minutes].",
            "[Overcharge|Surge|Short-circuit] protection[, energy class A| and automatic standby|].",
        ),
        (
            "[In the box|Scope of delivery]: {thing}, {cable}, [pouch|manual|adapter].",
            "[Two-year warranty.|No charger included.|Refurbished, tested, one light scratch.|Recycle at end of life.]",
        ),
    ),
    Category(
        "music",
        (
            "{album}",
            "{album} - {artist}",
            "{artist}: {album}",
            "{album} [Live]",
            "{instrument} Method, Volume {volume2}",
            "Best of {artist}",
            "{brand} {instrument}",
        ),
        {
            "thing": ["album", "recording"],
            "album": _words(
                "Letters to the Tide, Paper Moons, Nocturnes for No One, Kerosene Waltz, Seven Bridges, "
                "The Empty Ballroom, Northbound, "
                "Wild Honey Road, Songs from the Cellar, Small Hours, Cathedral of Trees, Dust and Brass, "
                "Carnaval de Inverno"
            ),
            "artist": _words(
                "The Tin Sparrows, Ottilie Venn Trio, Loch Arrin Fiddle Band, Marchetti Quartet, Copper "
                "Choir, Dona Íris, "
                "The Late Ferries, Anselm Thorne, Saint-Évran Chamber Players, Blue Kestrel"
            ),
            "instrument": _words(
                "Ukulele, Accordion, Violin, Kalimba, Cajón, Harmonica, Banjo, Clarinet, Melodica, Tambourine"
            ),
            "volume2": _numbers(1, 6),
            "genre": _words(
                "folk, chamber music, bossa nova, swing, hymns, film music, blues, sea shanties, baroque dances, fado"
            ),
            "mood": _words(
                "late evenings, long drives, rainy Sundays, dancing in the kitchen, quiet work, broken hearts"
            ),
        },
        {
            "tracks": _numbers(7, 34),
            "minutes3": _numbers(31, 148),
            "year": YEARS,
            "studio": COMMON["town"],
            "label": _words(
                "Wren Records, Low Tide, Parlour, Octave & Sons, Barrow Street, Nightjar, Tin Roof, Solstício"
            ),
            "format": _words(
                "180-gram vinyl, double CD, cassette, hybrid SACD, gatefold LP, ten-inch vinyl, digipak CD, sheet music"
            ),
            "producer": [f"{first} {last}" for first in COMMON["first"] for last in COMMON["last"]],
            "material": _words("spruce and mahogany, maple, rosewood, koa, birch, pearwood, brass, cedar, bubinga"),
        },
        (
            "[Recorded|Cut|Taped] in {year} in [a barn|an empty church|a single room|one night] in {studio}, [this "
            "is|here is] {genre} for {mood}.",
            "{tracks} [tracks|pieces|songs], {minutes3} minutes, {format}.",
            "[Produced by|With] {producer} [at the desk|on bass and piano], the [album|recording] [mixes|marries] "
            "{genre} with {genre}.",
            "[A lost|A forgotten|The long-awaited] [gem|session] of {genre}, [now on|reissued as] {format} [by|from] "
            "{label}.",
            "[Made of|Built from] {material}, [it sings from the first note|with a warm, open tone], and "
            "[delivered|sold] with a [bag|strap|case].",
        ),
        (
            "[Label|Released by]: {label}, {year}.",
            "[Format|Edition]: {format}[, numbered|, remastered from the tapes|].",
            "[Running time|Playing time] {minutes3} minutes, {tracks} [tracks|titles].",
            "[Producer|Produced by] {producer}[, engineer {person}|].",
            "[The opening song|Track three|The closing piece] [was written on a train|lasts nine minutes|quotes an old "
            "{genre} tune].",
            "[Liner notes|A booklet] by {person} [with photographs|and all the words|in three languages].",
            "[Listen|Play it] [on|during] {mood}.",
            '["A record for {mood}," wrote|Praised by] [The {town} Courier|Sunday Lantern|{person}].',
            "[Guest musicians|Also heard]: {person} (cello), {person} ([drums|voice|trumpet]).",
            "[The band|The group] [met at school in {studio}|split up in {year}|never played the songs again].",
            "[The top|The neck|The body] is of {material}[, oiled and not varnished|].",
        ),
        (
            "[Sealed.|Sleeve shows light wear.|Pressed in {country}.|Download code included.]",
            "[File under {genre}.|Also available on cassette.|Limited to {tracks}00 copies.]",
        ),
    ),
    Category(
        "sports",
        (
            "{brand} {thing}",
            "{brand} {styles} {thing}",
            "{styles} {thing}",
            "{audience3} {thing}",
            "{brand} {thing} {colour}",
            "{styles} {thing} Set",
        ),
        {
            "thing": _words(
                "Yoga Mat, Tent, Sleeping Bag, Climbing Rope, Swim Goggles, Bicycle Helmet, Kettlebell, "
                "Badminton Set, Hiking "
                "Backpack, Fishing Rod, Skateboard, Jump Rope, Camping Stove, Rugby Ball, Water Bottle, "
                "Trekking Poles, Ice Skates"
            ),
            "styles": _words("Summit, Trail, Featherlight, All-Weather, Club, Starter, Expedition, Urban, Tour, Lake"),
            "audience3": _words("Kids', Women's, Adult, Junior, Men's"),
            "place4": _words("the park, high passes, the gym, muddy trails, the pool, the back garden, long rides"),
        },
        {
            "material": _words(
                "ripstop nylon, natural rubber, carbon fibre, EVA foam, full-grain leather, "
                "polycarbonate, titanium, cork and latex, "
                "braided polyester, maple ply, aircraft aluminium, neoprene"
            ),
            "weight": [f"{n:,} g" for n in range(120, 4300, 70)],
            "size": _sizes(range(26, 75, 6), range(40, 215, 12), "cm"),
            "load": [f"{n} kg" for n in range(8, 160, 4)],
            "temp": [f"-{n} degrees" for n in range(2, 29)],
            "season": _words("three-season, four-season, summer, winter, all-year"),
            "volume3": [f"{n} litres" for n in range(1, 84)],
            "closure": _words(
                "a magnetic buckle, a roll-top, a cam lock, a drawcord, a dial system, hook-and-loop "
                "straps, a bayonet catch"
            ),
        },
        (
            "[Take it to|Made for|At home in] {place4}: {material}, {weight}, [ready when you are|zero fuss].",
            "[A {season}|This {season}] {thing} [rated to|tested at] {temp}.",
            "[Whether you are|Are you] [a beginner or a champion|training for a race|just out for air]? {brand} "
            "[built|designed] this {thing} from "
            "{material}.",
            "[Packed size|Dimensions] {size}, [maximum load|carries] {load}, {weight}.",
            "[Fasten|Close it with] {closure}[ and go|, forget it and run].",
        ),
        (
            "[Material|Made from]: {material}.",
            "[Weight|Weighs in at]: {weight}.",
            "[Size|Measures] {size}.",
            "[Holds|Volume] {volume3}.",
            "[Supports|Tested with a load of|Max. load] {load}.",
            "[Secured by|Adjusts with] {closure}[, even with gloves on|].",
            "[Comfortable|Proven] down to {temp}[; a {season} favourite|].",
            "[Reflective details|Taped seams|Air vents|Anti-slip dots] [keep you safe|keep you dry|for grip in the "
            "wet].",
            "[Rinse after use in salt water|Store dry and loose|Do not machine wash].",
            "[Developed with|Tested by] [the {town} rescue team|{person}, three times champion|a hundred volunteers].",
            "[Our tip for|We like it best in] {place4} and {place4}.",
        ),
        (
            "[Repair kit included.|Spare straps on request.|One size fits most.|Carry bag included.]",
            "[Always check your gear before use.|Certified to EN 1078.|Not a toy.]",
        ),
    ),
    Category(
        "pets",
        (
            "{brand} {pet} {thing}",
            "{thing} for {pet}s",
            "{stylep} {pet} {thing}",
            "{brand} {stylep} {thing}",
            "{pet} {thing}, {flavour}",
        ),
        {
            "thing": _words(
                "Bed, Bowl, Harness, Scratching Post, Chew Toy, Carrier, Treats, Lead, Grooming Brush, "
                "Tunnel, Blanket, Dry Food, Hutch"
            ),
            "pet": _words("Dog, Cat, Rabbit, Hamster, Parrot, Poodle, Kitten, Ferret, Guinea Pig"),
            "stylep": _words("Snuggle, Outdoor, Orthopaedic, Travel, Anti-Pull, Slow Feed, Calming, Natural"),
            "flavour": _words("Duck, Salmon, Chicken, Lamb, Vegetable"),
            "habit": _words(
                "dig, chew everything, hate baths, travel badly, sleep all day, pull on the lead, eat too fast"
            ),
        },
        {
            "material": _words(
                "hemp canvas, memory foam, bamboo fibre, stainless steel, sisal rope, natural rubber, "
                "sheepskin, wicker, ceramic, "
                "reflective nylon, seagrass, fleece"
            ),
            "size": _sizes(range(20, 90, 7), range(16, 70, 6), "cm"),
            "load": [f"{n} kg" for n in range(2, 64)],
            "weight": [f"{n} g" for n in range(60, 3800, 55)],
            "protein": [f"{n} percent" for n in range(12, 68)],
            "ingredient": _words(
                "green-lipped mussel, rosehip, dandelion, brown rice, pumpkin, turmeric, salmon oil, "
                "sweet potato, chicory root"
            ),
            "cover": _words(
                "removable cover, wipe-clean base, waterproof liner, washable cushion, chew-proof edge, fold-away door"
            ),
        },
        (
            "[For {pet}s who|Does your {pet} like to] {habit}[?|:] [Try|Here is] a {thing} in {material} with a "
            "{cover}.",
            "[Your {pet}|Every {pet}] [deserves|will thank you for] [the best|a rest]: {material}, {size}.",
            "[With|Contains] {protein} protein, {ingredient} and [nothing artificial|no added sugar].",
            "[Vets|Breeders|Shelters] [recommend|swear by] {material} for {pet}s that {habit}.",
        ),
        (
            "[Dimensions|Inside]: {size}.",
            "[For animals|Suitable] up to {load}.",
            "[Net weight|Weight] {weight}.",
            "[{+cover}|The {cover}] [comes off in seconds|makes cleaning easy].",
            "[Made of|Woven from|Filled with] {material}.",
            "[Crude protein|Protein]: {protein}; [with|enriched with] {ingredient} and {ingredient2}.",
            "[Helps {pet}s who|A blessing for animals that] {habit}.",
            "[Machine wash|Wash|Wipe] [at 30 degrees|with mild soap|and air dry].",
            "[Non-slip feet|Rounded edges|A safety buckle|A bell] [for peace of mind|protects your floor|so you always "
            "know where].",
            "[Tested|Designed] [in a shelter in {town}|by {person}, who keeps eleven {pet}s|with behaviourists].",
        ),
        (
            "[Always leave fresh water.|Supervise your pet with new toys.|Best before date on the pack.]",
            "[A share of the price goes to the {town} shelter.|Toy shown not included.|Colours sent at random.]",
        ),
    ),
    Category(
        "stationery",
        (
            "{brand} {thing}",
            "{brand} {stylest} {thing}",
            "{stylest} {thing}, {colour}",
            "{thing} - {motif}",
            "{motif} {thing}",
            "{stylest} {thing} Set",
        ),
        {
            "thing": _words(
                "Notebook, Fountain Pen, Sketch Pad, Wall Calendar, Gift Wrap, Pencil Case, Letter Set, "
                "Desk Planner, Stapler, Watercolour "
                "Box, Marker Set, Guest Book, Index Cards, Ink Bottle, Rubber Stamp"
            ),
            "stylest": _words(
                "Pocket, Executive, Dotted, Refillable, Left-Handed, Archival, Academic, Travel, Botanical, Spiral"
            ),
            "motif": _words("Foxes, Night Sky, Ferns, Terrazzo, Whales, Bicycles, Poppies, Old Maps, Herons"),
            "use": _words(
                "lists, love letters, field notes, sketches, lectures, recipes, meeting notes, thank-you cards"
            ),
        },
        {
            "sheets": _numbers(24, 396, 6),
            "gsm": [f"{n} gsm" for n in range(70, 320, 5)],
            "size": ["A4", "A5", "A6", "B5", "A3", "B6", "21 x 21 cm", "9 x 14 cm", "13 x 18 cm", "12 x 20 cm", "A7"],
            "cover": _words(
                "book cloth, vegan leather, kraft board, cork, marbled paper, calfskin, moleskin cotton, "
                "embossed card, birch veneer"
            ),
            "nib": _words("fine nib, broad nib, medium nib, extra-fine nib, italic nib, flex nib"),
            "count": [f"pack of {n}" for n in (2, 3, 4, 5, 6, 8, 10, 12, 16, 18, 20, 24, 36, 40, 48)],
            "ink": _words("iron gall ink, pigment ink, soy ink, sepia ink, violet ink, blue-black ink, emerald ink"),
        },
        (
            "[For|Made for|Fill it with] {use} and {use}: {sheets} sheets of {gsm} paper [bound in|behind] {cover}.",
            "[Writes|Glides|Draws] [like a dream|without a scratch]: {nib}, {ink}.",
            "[Format|Size] {size}, {sheets} sheets, {count}.",
            "[Paper lovers|People who still write by hand] [know|notice] the difference: {gsm}, {cover}, "
            "[thread-sewn|no bleed-through].",
        ),
        (
            "[Cover|Bound in]: {cover}.",
            "[Paper|Stock]: {gsm}, [acid-free|recycled|ivory|laid].",
            "[Comes in a|Sold as a] {count}.",
            "{sheets} [sheets|leaves], {size}.",
            "[Takes|Filled with|Printed with] {ink}.",
            "[Ships with a|Fitted with a] {nib}.",
            "[Ribbon marker|Pen loop|Elastic band|Back pocket] [and numbered pages|in {colour}|included].",
            "[Opens flat|Refills fit|Perforated] [without cracking|from most makers|along the margin].",
            "[Printed|Bound|Made] [on a {year} press|by hand] in {town}.",
            "[Ideal|Just right] for {use}[, not for wet media|, even with heavy ink|].",
        ),
        (
            "[Envelopes included.|Refill: see our shop.|Wrapped without plastic.|Personalise it with initials.]",
            "[Matching {thing} in {motif}.|Limited run for {year}.]",
        ),
    ),
    Category(
        "home",
        (
            "{brand} {thing}",
            "{brand} {styleh} {thing}",
            "{styleh} {thing}, {colour}",
            "{thing} - {colour}",
            "{styleh} {thing} for {room}",
        ),
        {
            "thing": _words(
                "Duvet Cover, Table Lamp, Throw, Wall Clock, Bath Towel, Rug, Curtain Panel, Picture "
                "Frame, Scented Candle, Cushion, "
                "Laundry Basket, Coat Stand, Mirror, Pillow, Bookend, Vase, Step Stool"
            ),
            "styleh": _words(
                "Coastal, Loft, Meadow, Art Deco, Chunky, Geometric, Tasselled, Shaker, Lantern, Moorland"
            ),
            "room": _words("Bedroom, Hallway, Nursery, Bathroom, Guest Room"),
            "scent": _words("fig, cedar, sea salt, wild mint, black tea, tomato leaf, beeswax"),
        },
        {
            "material": _words(
                "Egyptian cotton, jute, rattan, bouclé, mango wood, hand-blown glass, washed linen, soy "
                "wax, wool felt, velvet, "
                "powder-coated steel, travertine, goose down, oak veneer"
            ),
            "size": _sizes(range(30, 240, 15), range(20, 230, 14), "cm"),
            "thread": [f"{n} thread count" for n in range(180, 820, 20)],
            "hours": [f"{n} hours" for n in range(12, 96, 2)],
            "weight": [f"{n / 10:.1f} kg" for n in range(2, 170, 3)],
            "count": _words("pair, set of three, single, set of four, set of six, set of two"),
            "maker": COMMON["town"],
        },
        (
            "[Bring|Add] [warmth|calm|a touch of colour] to [any room|a bare corner] with this {thing} [in|of] "
            "{material}.",
            "[Woven|Made|Finished] in {maker} from {material}, {size}.",
            "{+material}, {thread}, {size}: [sleep well|soft from the first night|a hotel feeling at home].",
            "[Burns for|Lasts] {hours} [and smells of|with notes of] {scent} and {scent}.",
            "[Sold as a|A] {count}[, because one is never enough|, ready to hang|, ready to use].",
        ),
        (
            "[Size|Dimensions|Measures] {size}.",
            "[Composition|Material]: {material}.",
            "[Weight|Weighs]: {weight}.",
            "[{+thread}|With {thread}] [for a crisp feel|, woven tight].",
            "[Comes as a|Packed as a] {count}.",
            "[Handmade|Sewn|Turned|Dyed] in {maker}[ by a women's cooperative| since {year}|].",
            "[Wash at 40 degrees|Vacuum regularly|Dust with a soft cloth|Trim the wick before lighting].",
            "[Hidden zip|Felt pads|Hanging wire|Corner ties] [included|keep it in place|for easy care].",
            "[The {colour} is deeper than on screen|Goes with {colour} and {colour}|Slight irregularities are part of "
            "the charm].",
            "[Burning time|Up to] {hours}[; scent of {scent}|].",
        ),
        (
            "[Bulb not included.|Inner cushion included.|Oeko-Tex certified.|Screws and plugs provided.]",
            "[Designed by {person}.|Matching {thing} available.|Final sale.]",
        ),
    ),
)

WORDS = {
    **EXTRA_WORDS,
    **COMMON,
    "minutes": _numbers(5, 45, 5),
    "height": ["1.78 m", "1.82 m", "1.71 m", "98 cm", "1.86 m", "1.69 m"],
    "place2": COMMON["town"],
    "birthplace": COMMON["town"],
    "projects": _numbers(12, 80),
    "ingredient2": _words("oats, kelp, parsley, flaxseed"),
    "months": _numbers(6, 36, 6),
    "count": _numbers(2, 48),
    "thing": ["item"],
}
