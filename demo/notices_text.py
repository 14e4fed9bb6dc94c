"""What notices are written with: small advertisements, labels, instructions for use, letters, reviews, minutes.

Their vocabulary and punctuation are wide on purpose: a model that has met only a few hundred words in sentences holds
every other word for impossible, and cannot be fine-tuned on a catalogue in minutes. Patterns are those of `grammar`.
Nothing here comes from the catalogue: other sentences, other names and no brand.
"""


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",")]


def _with_s(word: str) -> str:
    """Plural of a noun, third person of a verb."""
    if word[-1] == "y" and word[-2] not in "aeiou":
        return word[:-1] + "ies"
    return word + ("es" if word.endswith(("s", "x", "ch", "sh")) else "s")


_VERBS = _words(
    "open, close, lift, turn, press, hold, fold, wash, rinse, dry, cook, bake, boil, heat, cool, store, pack, wrap, "
    "carry, move, push, pull, attach, remove, replace, repair, adjust, tighten, loosen, charge, connect, switch, "
    "mount, hang, place, fill, empty, pour, mix, stir, cut, trim, sharpen, polish, oil, wax, paint, print, stitch, "
    "sew, knit, weave, dye, press, iron, brush, comb, feed, train, water, plant, sow, harvest, prune, read, learn, "
    "teach, play, sing, record, listen, watch, follow, guide, travel, walk, climb, ride, swim, camp, sleep, rest, "
    "relax, enjoy, love, share, give, choose, order, return, send, deliver, protect, support, cover, keep, save, "
    "last, grow, reach, fit, match, suit, help, work, stop, start, check, test, measure, count, sort, label, mark, "
    "sign, gather, collect, draw, design, build, assemble, explain, describe, discover, explore, remember, forget, "
    "wonder, imagine, believe"
)
_NOUNS = _words(
    "handle, lid, blade, base, frame, hinge, screw, bolt, nut, washer, spring, lever, pedal, wheel, axle, chain, "
    "belt, strap, buckle, zip, button, toggle, hook, loop, pocket, collar, cuff, sleeve, hem, seam, lining, stitch, "
    "thread, yarn, fabric, fibre, weave, pattern, stripe, print, badge, label, tag, sticker, ribbon, lace, cord, "
    "rope, wire, cable, plug, socket, switch, dial, screen, speaker, battery, charger, motor, pump, fan, filter, "
    "valve, hose, nozzle, tank, tray, rack, shelf, drawer, door, panel, plate, dish, pan, pot, lid, kettle, jug, mug, "
    "bowl, spoon, fork, knife, board, oven, hob, grill, burner, recipe, sauce, spice, herb, flour, sugar, salt, oil, "
    "vinegar, tea, coffee, juice, wine, seed, root, leaf, stem, bulb, soil, compost, pot, trellis, spade, rake, hoe, "
    "glove, boot, shoe, heel, sole, sock, stocking, skirt, dress, blouse, jacket, jumper, scarf, cap, belt, apron, "
    "robe, towel, sheet, quilt, pillow, cushion, curtain, carpet, rug, mat, lamp, shade, candle, wick, bulb, vase, "
    "frame, mirror, clock, watch, ring, necklace, bracelet, earring, pendant, gem, pearl, coin, stamp, card, "
    "envelope, notebook, pencil, ink, page, chapter, volume, edition, cover, spine, index, map, picture, photograph, "
    "drawing, sketch, novel, poem, diary, letter, guide, manual, lesson, song, album, track, tune, chorus, drum, "
    "guitar, piano, flute, string, bow, reed, note, rhythm, concert, game, puzzle, dice, token, piece, rule, score, "
    "player, team, turn, prize, doll, kite, balloon, block, castle, robot, train, truck, tractor, rocket, puppet, "
    "bear, tent, pole, peg, rucksack, lantern, torch, compass, bottle, flask, stove, paddle, helmet, saddle, bell, "
    "brake, tyre, tube, racket, net, goal, bat, glove, lead, bowl, cage, perch, tank, bone, treat, brush, comb, soap, "
    "lotion, cream, powder, perfume, razor, towel, hammer, saw, drill, chisel, plane, file, clamp, vice, wrench, "
    "ruler, level, ladder, bucket, nail, glue, paint, varnish, brush, roller, sandpaper, toolbox, workbench, garage, "
    "attic, cellar, hall, bedroom, bathroom, balcony, terrace, lawn, hedge, path, fence, gate, shed, roof, wall, "
    "floor, ceiling, window, cabin, boat, sail, oar, anchor, wave, tide, shore, cliff, valley, meadow, stream, snow, "
    "storm, cloud, moon, star, planet, engine, gear, piston, bearing, gasket, fuse, relay, chip, lens, tripod, "
    "shutter, film, flash, memory, keyboard, mouse, printer"
)
_ADJECTIVES = _words(
    "soft, firm, stiff, smooth, rough, glossy, matt, shiny, bright, pale, deep, warm, cool, fresh, dry, damp, wet, "
    "thick, thin, fine, coarse, heavy, light, sturdy, solid, hollow, slim, narrow, wide, broad, long, short, tall, "
    "low, high, round, square, oval, flat, curved, straight, sharp, blunt, loose, tight, snug, roomy, compact, "
    "portable, foldable, removable, adjustable, washable, waterproof, reusable, organic, natural, synthetic, "
    "handmade, woven, knitted, printed, painted, polished, brushed, carved, padded, quilted, lined, hooded, "
    "sleeveless, striped, checked, floral, plain, simple, classic, modern, vintage, antique, rustic, elegant, "
    "charming, playful, cheerful, gentle, bold, brave, quiet, loud, gripping, moving, funny, sad, honest, clever, "
    "witty, patient, thorough, clear, useful, handy, practical, reliable, durable, delicate, fragile, tough, robust, "
    "flexible, elastic, electric, wireless, digital, manual, automatic, silent, powerful, efficient, quick, slow, "
    "steady, precise, complete, generous, spare, extra, original, genuine, rare, unusual, familiar, favourite, "
    "popular, famous, forgotten, hidden, secret, ripe, sweet, sour, bitter, salty, spicy, creamy, crisp, crunchy, "
    "tender, juicy, smoky, fragrant, hardy, evergreen, leafy"
)
_ADVERBS = _words(
    "slowly, quickly, gently, firmly, carefully, easily, quietly, neatly, evenly, twice, daily, weekly, often, "
    "always, never, still, almost, already, together, outdoors, indoors, upright, apart, inside, outside, at once, by "
    "hand, in minutes, all day, for years, every evening, with care, without tools, on both sides, in the shade, "
    "overnight"
)

NOTICE_WORDS = {
    "n": _NOUNS,
    "ns": [_with_s(noun) for noun in _NOUNS],
    "a": _ADJECTIVES,
    "v": _VERBS,
    "vs": [_with_s(verb) for verb in _VERBS],
    "d": _ADVERBS,
    "sum": [str(count) for count in (*range(1, 100), *range(100, 1000, 5), *range(1000, 3000, 25))],
    "unit": _words(
        "cm, mm, m, g, kg, litres, ml, inches, metres, pages, leaves, sheets, pieces, minutes, hours, days, weeks, "
        "months, years, degrees, watts, volts, percent, seeds, sizes, cards, tracks, players, miles, grams, feet"
    ),
    "size": ["{sum}[| x {sum}|-{sum}] {unit}", "{decimal} {unit}", "{sum} x {sum}[| x {sum}] cm"],
    "initial": list("ABCDEFGHIJKLMNOPRSTVWYZ"),
    "who": _words(
        "beginners, children, adults, students, parents, guests, readers, gardeners, cooks, walkers, riders, drivers, "
        "painters, players, dogs, cats, birds, horses, women, men, girls, boys, babies, visitors, neighbours, "
        "collectors"
    ),
    "when": _words(
        "breakfast, winter, summer, holidays, rainy days, long evenings, a journey, the weekend, school, work"
    ),
}

# Each notice takes sentences from two or three of these; {thing}, {stuff} and {name} are drawn once for a notice.
NOTICES = {
    "advertisement": (
        "For sale: [one|a] {a} {thing}[ in {stuff}| of {stuff}|], {size}[, {colour}| and a {n}|].",
        "[Wanted|Found|Lost|To give away]: {thing}, {a}, {size}; ask for {first}[ in {town}|].",
        "[Meet|Here is|Say hello to] the {thing} that {vs} {d}[ and never {vs}|].",
        "[A|This] {a} {thing} [for|made for] {who} [and|or] {who}[, {size}| with {a} {ns}|].",
        "[Price|Asking]: {sum}[.00|] [pounds|euros|coins|dollars][, with {n} and {n}| or best offer|].",
        "[Why|Who would] {v} a {n} when you can {v} a {thing}?",
        "{+who} [will|may] {v} this {a} {thing} {d}; {who} [will not|may not].",
        "[Only|Now with] {sum} {ns}, [so|and] {d}!",
    ),
    "label": (
        "{+stuff} and {stuff}, {size}.",
        "[Outside|Top|Front]: {stuff}; [inside|bottom|back]: {stuff}.",
        "[Length|Width|Height|Depth|Weight|Volume]: {size}[; {n}: {size}|].",
        "[Contents|In the box|What you get]: {sum} {ns}, {sum} {ns}[ and a {n}|].",
        "[Colour|Shade|Finish]: {colour}[ with {colour} {ns}| or {colour}|]; {a}.",
        "[Made|Sewn|Printed|Built|Grown|Bottled|Carved] in {town}[, {country}|] [by {person}|in {year}|from {stuff}|by "
        "hand].",
        "[Model|Number|Lot|Code] {initial}{initial}{sum}[-{sum}|], {year}.",
        "{+n}, {n}, {n}[; {n}|] and {a} {n}.",
        "[Suitable|Good|Not] for {who}[ over {sum} [years|months]|].",
        "{sum}% {stuff}, {sum}% {stuff}.",
    ),
    "use": (
        "{+v} the {n} {d}, then {v} the {n}.",
        "[Do not|Never|Always|Please] {v} [the|a] {a} {n}[ {d}| in the {n}| above {sum} degrees|].",
        "[First|Then|Next|Finally], {v} [it|the {thing}|both {ns}] {d}[ for {sum} [minutes|hours|days]|].",
        "[Keep|Store|Leave] [it|the {n}|the {thing}] [away from|near|under|above] the {n}[ and {v} it {d}|].",
        "[If|When] the {n} [{vs}|is {a}], {v} the {n}[ or {v} the {n}|].",
        "The {n} [{vs}|can {v}] [{size}|{d}|up to {sum} {unit}].",
        "[Takes|Holds|Needs|Uses] {size}[ and {sum} {ns}|].",
        "It {vs} {d} and {vs} the {n} [{d}|in {sum} {unit}].",
        "{+v}, {v} and {v}: [ready|done|that is all] in {sum} [minutes|steps].",
    ),
    "letter": (
        "Dear {first}, [I|we] [{v}|want to {v}] the {a} {thing} you sent[ in {month}|].",
        "[My|Our] {relative} [says|thinks|knows] that the {n} [is too {a}|should {v} {d}|was never {a}].",
        "[I|We] [had to|wanted to|could not] {v} [it|the {n}] {d}, [so|but|because] the {n} [was {a}|would not {v}].",
        "[Thank you for|Please forgive] the {n}[, the {n} and the {a} {n}|].",
        "[Yours|With love|Kind regards], {person}[, {town}|].",
        "[Last|Every|One] {day} [we|they] {v} the {ns} [in|behind|beside] the {placeword}[, and {who} {v}|].",
    ),
    "review": (
        '"[A|One] {a} {n}, {a} and {a}," [writes|says|wrote] {person}[ in {town}|].',
        "“{+a} but {a}; [I|we] {v} it {d}.” [—|-] {first}[ {initial}.|][, {country}|]",
        "'[The|This] {n} [is|was] {a}!' - {first} [from|of] {town}",
        "[Two|Three|Four] [out of five|stars]: [the {n} is {a}|too {a} for {who}|{a}, {a}, {a}].",
        "{+first} [tried|kept|borrowed] the {thing} for {sum} [days|weeks|months] and [found|said|wrote]: “[it {vs} "
        "{d}|never again|the {n} is {a}].”",
        "[Better|Worse|Softer|Louder|Lighter|Cheaper] than [the {n}|a {n}|my {a} {n}][, and {a} too|].",
        "[Not|Just] what [I|we] [needed|expected|ordered]: {a} {ns} and a {a} {n}.",
    ),
    "story": (
        "{+name} is a {a} {job} [who|and] [must|wants to|learns to] {v} a {n} before the {n} {vs}.",
        "[In|Set in] {town}[, {year}|], {a} {who} {v} the {n} of {name}.",
        "[The|This] {a} [book|tale|album|game|film] [about|of] {ns} and {ns} [{vs}|is for] {who}[ of all ages|].",
        "{name} [wrote|painted|recorded|drew] {sum} {ns} [in {year}|between {year} and {year}|for {when}].",
        "[With|Without] {sum} {ns}, {a} {ns} and [a {n} by {person}|a {n} on every page].",
        "What [does|will] the {n} {v}, and who [took|broke|hid] the {a} {n}?",
        "{+n} by {n}, {name} {vs} [us|you] through [{country}|the {n}|{sum} years of {ns}].",
    ),
    "minutes": (
        "{+person} [reported|proposed|asked] that the {n} [be {a}|should {v} {d}].",
        "[Item|Point|Room|Table|Lot] {sum}: {a} {n}, {stuff}, {year}[; {sum} [pounds|coins]|].",
        "[The|A] [{job}|club|school|council|family firm] [of|from|in] {town} [bought|lent|sold|won] {sum} {ns}[ in "
        "{year}|].",
        "[Open|Closed] [on {day}s|from {month} to {month}|for {when}]; {ns} [welcome|on request|not allowed].",
        "[Question|Q]: [can it|does the {n}|will the {thing}] {v}? [Answer|A]: [no|yes|only] [{d}|if the {n} is {a}].",
        "[Note|Remember|Warning] that {ns} [may|can|must] {v} [{d}|in {month}].",
        "[Founded|Started|Rebuilt] in {year} by {person}, [a {job}|two {job}s|a {a} {job}], [it|the {placeword}] "
        "[still|never] {vs} {ns}.",
    ),
}
