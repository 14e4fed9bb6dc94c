"""What the pre-training text is written with: general English words, subjects, stories and answers.

Patterns are those of `grammar`. Nothing here comes from the catalogue: other names, other sentences, and no brand.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Subject:
    """Something to write a paragraph about: `topic` is drawn once, the sentences speak of it."""

    name: str
    words: dict[str, list[str]]
    openings: tuple[str, ...]
    middles: tuple[str, ...]
    endings: tuple[str, ...]


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",")]


_HEADS = _words(
    "Al, Bar, Cor, Dal, El, Fen, Gar, Hal, Is, Jen, Kar, Lor, Mar, Nor, Ol, Per, Ros, Sel, Tar, Ul, Ver, "
    "Wil, Yor, Zan, "
    "Bel, Cas, Dor, Est, Fal, Gren, Hol, Kel, Lin, Mor, Nes, Pol, Quin, Ren, Sar, Tol, Vin, Wes, Bren, "
    "Cla, Dra, Tru"
)
_MIDDLES = _words("a, e, i, o, an, en, in, or, ar, el, is, on, ad, ev, ul, ith, and, est, ow, as")
_TAILS = _words(
    "ton, ville, mere, ford, by, wick, stead, holm, dale, burg, mouth, field, gate, port, ridge, well, "
    "combe, sund, berg, nia, "
    "ra, lo, ska, tis, vo, dor, mi, sen, la, que"
)
INVENTED = [head + middle + tail for head in _HEADS for middle in _MIDDLES for tail in _TAILS][::7]

WORDS = {
    "town": INVENTED,
    "first": _words(
        "Anna, Peter, Clara, Daniel, Emma, Frank, Grace, Henry, Irene, Jack, Karen, Lewis, Mary, Nathan, "
        "Olivia, Paul, Rachel, "
        "Samuel, Teresa, Victor, William, Alice, Benjamin, Carlos, Diana, Edward, Fatima, George, Helen, "
        "Ivan, Julia, Kevin, "
        "Laura, Martin, Nina, Oscar, Paula, Robert, Sofia, Thomas, Lucy, Walter, Amir, Rosa, Simon, Eva, "
        "Leo, Ruth, David"
    ),
    "last": _words(
        "Carter, Bennett, Silva, Murphy, Rossi, Novak, Fischer, Brown, Campbell, Sato, Hughes, Reed, "
        "Morgan, Costa, Keller, Wright, "
        "Parker, Larsen, Dubois, Mendes, Clark, Foster, Grant, Hill, Ortiz, Price, Stone, Turner, Walsh, "
        "Young, Lopez, Baker"
    ),
    "person": ["{first} {last}"],
    "year": [str(n) for n in range(1600, 2021)],
    "few": _words("two, three, four, five, six, seven, eight, nine, ten, eleven, twelve"),
    "number": [str(n) for n in range(3, 400)],
    "decimal": [f"{n / 10:.1f}" for n in range(3, 999, 4)],
    "big": [f"{n},{m:03d}" for n in range(1, 90, 3) for m in range(0, 999, 37)],
    "month": _words("January, February, March, April, May, June, July, August, September, October, November, December"),
    "day": _words("Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday"),
    "season": _words("spring, summer, autumn, winter"),
    "country": _words(
        "France, Spain, Germany, Norway, Ireland, Mexico, China, Kenya, Peru, Greece, Russia, Egypt, "
        "Chile, Denmark, Canada, "
        "Brazil, Portugal, Italy, India, Japan, Sweden, Poland, Turkey, Vietnam, England, Scotland"
    ),
    "colour": _words(
        "red, blue, green, yellow, white, black, grey, brown, orange, purple, pink, golden, silver, dark "
        "blue, pale green, "
        "bright red, deep brown, navy, cream, violet, turquoise"
    ),
    "good": _words(
        "good, fine, useful, beautiful, pleasant, careful, honest, clever, strong, simple, quiet, warm, "
        "bright, gentle, lovely, solid"
    ),
    "adj": _words(
        "old, small, large, narrow, wide, heavy, light, soft, hard, cold, deep, tall, round, long, quiet, "
        "busy, empty, plain, rough, "
        "smooth, dusty, thick, thin, sharp, strange, famous, modern, ancient, broken, wooden, sunny, dark, "
        "clean, wild"
    ),
    "feeling": _words(
        "happy, tired, proud, nervous, calm, curious, lonely, grateful, angry, hopeful, surprised, "
        "worried, relieved, ashamed"
    ),
    "object": _words(
        "lamp, box, key, letter, basket, mirror, chair, clock, blanket, rope, bottle, coat, map, knife, "
        "bell, book, drum, kettle, "
        "suitcase, ring, bicycle, camera, umbrella, photograph, violin, ladder, hammer, cup, hat, candle, "
        "pen, coin, table, shirt, "
        "radio, phone, tent, bowl, glass, spoon, bag, toy, ball, brush, pillow, wheel, boat, door, "
        "window, cover, case"
    ),
    "material": _words(
        "wood, iron, glass, clay, cotton, wool, paper, leather, stone, copper, silver, silk, plastic, "
        "rubber, steel, linen, gold, "
        "bamboo, wax, straw, cork, bronze, brass, oak, pine, marble, felt, aluminium, nylon, velvet, "
        "cardboard, porcelain, tin, "
        "ceramic, denim, foam, canvas, polyester, concrete, ivory, walnut, maple, cedar, birch"
    ),
    "placeword": _words(
        "market, station, library, school, garden, harbour, museum, church, theatre, kitchen, forest, "
        "river, bridge, village, "
        "street, park, factory, hospital, farm, castle, beach, square, workshop, mountain, lake, "
        "island, shop, office, field"
    ),
    "animal": _words(
        "dog, cat, horse, fox, rabbit, crow, goat, sheep, deer, duck, bear, wolf, pigeon, squirrel, frog, "
        "owl, hen, mouse, cow, "
        "parrot, donkey, hedgehog, otter, swan, bee, turtle, hamster, lizard"
    ),
    "food": _words(
        "bread, soup, cheese, apples, rice, fish, honey, potatoes, cake, eggs, tomatoes, beans, butter, "
        "pears, onions, noodles, plums, "
        "mushrooms, chicken, carrots, oranges, pasta, lemons, chocolate, milk, garlic, pepper, cinnamon"
    ),
    "plant": _words(
        "oak, rose, fern, lily, pine, nettle, ivy, daisy, tulip, willow, birch, heather, sunflower, "
        "orchid, cactus, lavender, clover, "
        "poppy, jasmine, maple, olive tree, basil, mint"
    ),
    "job": _words(
        "teacher, doctor, farmer, baker, sailor, painter, nurse, engineer, carpenter, writer, tailor, "
        "lawyer, gardener, cook, driver, "
        "musician, fisherman, librarian, shepherd, clerk, miner, pilot, judge, student, soldier, shopkeeper, "
        "weaver, potter"
    ),
    "relative": _words(
        "mother, father, sister, brother, aunt, uncle, grandmother, grandfather, cousin, neighbour, "
        "friend, daughter, son, teacher"
    ),
    "weather": [
        "the [rain|wind|snow|sun|fog|heat|frost] [came early|lasted for days|had gone by noon|surprised "
        "everybody|was [stronger|weaker] "
        "than usual]",
        "it [rained|snowed] [all night|for {few} days|without a break]",
        "the sky was {colour} and [clear|low|full of birds]",
    ],
    "time": [
        "in the [morning|evening|afternoon|{season}]",
        "[early|late] on {day}",
        "at [noon|midnight|dawn|dusk]",
        "in {month}",
        "after {few} [days|weeks|years|hours]",
        "[one|that] {day}",
    ],
    "because": [
        "because [it was cheap|nobody had tried before|the {placeword} was closed|there was no other "
        "way|people had asked for it|the "
        "{season} was short|it saved time|the road was bad]"
    ],
    "activity": _words(
        "reading, walking, swimming, cooking, painting, fishing, sewing, singing, climbing, writing "
        "letters, playing chess, "
        "repairing clocks, growing vegetables, baking bread, riding, dancing, drawing, travelling, "
        "camping, gardening, knitting"
    ),
    "measure": [
        "{number} "
        "[metres|kilometres|grams|kilos|litres|pages|pieces|centimetres|hours|minutes|people|years|steps|kg|cm|mm|ml|watts|inches|"
        "degrees|feet|pounds|days|miles]",
        "{decimal} [metres|kilometres|kg|litres|cm|seconds|percent|inches|m]",
    ],
    "topicword": _words(
        "music, history, health, science, education, sport, art, language, nature, travel, law, "
        "religion, politics, trade, design, "
        "fashion, technology, farming, medicine, friendship, family, literature, mathematics, "
        "philosophy, architecture"
    ),
}

SUBJECTS: tuple[Subject, ...] = (
    Subject(
        "towns",
        {"topic": INVENTED},
        (
            "{topic} is a [small|busy|quiet|pretty] [town|city|village|port] in the [north|south|east|west] of "
            "{country}, "
            "[close to the "
            "border|on the river {town}|at the foot of a hill|about {number} kilometres from {town}].",
            "The [town|city|village] of {topic} [was founded in {year}|grew up around a {placeword}|is known for its "
            "{food}|lies on the coast].",
            "[Few|Many|Most] visitors [to {country}|who travel by train] [know|stop in|have heard of] {topic}, [a "
            "town|a "
            "place|a port] of {big} people.",
        ),
        (
            "Its [oldest|best known|largest] building is the {placeword}, [built|opened|rebuilt] in {year} [from "
            "{material}|by {person}|after a fire].",
            "[For a long time|For centuries|Until {year}] the people lived by {activity}, trade and the sale of "
            "{food}.",
            "In {year} [the railway reached|a flood destroyed|a new road was built to|a school was opened in] [the "
            "town|{topic}], and [everything "
            "changed|the population doubled|many families left|trade grew quickly].",
            "The {placeword} [stands|can be found] [next to|behind|opposite] the {placeword}, where a market is held "
            "[every {day}|in {month}].",
            "[Today|Now] [about|roughly|more than] {big} people live there, and [most of them|a third of them] work in "
            "[shops|schools|factories|farming].",
            "[The climate is mild|The winters are long], but {time} {weather}.",
            "The {job} {person} was born [in {topic}|there] in {year} and [wrote about it|later moved to {country}|is "
            "remembered with a statue].",
        ),
        (
            "[A bus runs to|There are trains to] {town} {few} times a day.",
            "[Those who come once often return|It is a good place to spend a {season}|The best time to visit is "
            "{month}].",
            "[The town keeps its character|Old people say that little has changed], {because}.",
        ),
    ),
    Subject(
        "animals",
        {"topic": WORDS["animal"]},
        (
            "The {topic} is [a common animal|one of the animals that people know best|found in many parts of the "
            "world|not easy to watch in the wild].",
            "[People have lived with|Stories have been told about|Children learn early about] the {topic} [for "
            "thousands "
            "of years|in every country].",
            "[A|An adult] {topic} [can weigh|is able to eat|may live for] {measure}, [depending on the place|if it is "
            "healthy|though few do].",
        ),
        (
            "It [eats|feeds on|looks for] {food}, [insects|seeds|grass|small animals] and [almost anything "
            "else|fruit], "
            "[mostly|usually] {time}.",
            "[Its|The] [fur|coat|back|tail|head] is {colour} [in summer and {colour} in winter|with {colour} spots|and "
            "very soft].",
            "The female has [{few}|up to {few}] young, [which|and they] [stay with her|leave the nest|learn to hunt] "
            "[for|after] {few} weeks.",
            "[In {country}|In the mountains of {country}|Near {town}] [it lives|they live] in [forests|fields|old "
            "buildings|holes in the ground].",
            "[Its enemies are|It is hunted by] the {animal} and the {animal}, so it [sleeps in trees|is very "
            "careful|runs "
            "fast|hides during the day].",
            "[Farmers|Hunters|Gardeners] [like|do not like] the {topic} because it [eats mice|damages plants|keeps the "
            "soil healthy|wakes the {animal}].",
            "Scientists [in {town}|from {country}] [studied|followed] {number} of them and found that they [remember "
            "faces|sleep {few} hours a day|"
            "travel {measure} a week|understand simple signs].",
        ),
        (
            "[Today it is protected|It is not in danger] in [most of|all of] {country}.",
            "[If you meet a {topic}|When you see one], [keep still|do not feed it|speak softly] and [wait|let it go].",
            "[No wonder that|It is easy to see why] so many people [are fond of it|write about it|keep one at home].",
        ),
    ),
    Subject(
        "cooking",
        {
            "topic": [
                "[{food} soup|{food} with {food}|a {food} pie|a salad of {food} and {food}|baked "
                "{food}|{food} stew|fried {food}]"
            ]
        },
        (
            "To make {topic} you need [{few} hundred grams of {food}|{number} grams of {food}], a little {food} and "
            "[patience|salt|a good knife].",
            "[My {relative}|A {job} in {town}|Every family in {country}] makes {topic} [in a different way|every "
            "{day}|without a recipe].",
            "{+topic} is [easy to cook|a dish for {season}|cheap and healthy|eaten all over {country}].",
        ),
        (
            "[First|Begin by] [wash and cut|washing and cutting] the {food}[ into small pieces|], [then|and] put it in "
            "a "
            "[pan|bowl|pot] with [oil|water|butter].",
            "[Heat|Warm] the oven to {number} degrees [and|while you] [prepare|mix] the {food}.",
            "[Add|Stir in] the {food} [slowly|after {few} minutes|and a spoon of {food}] and [cook|leave it] [for "
            "{number} minutes|until it is soft|over a low heat].",
            "[Do not forget|Remember] to [stir|taste|turn it|add salt], [or it will burn|because the {food} needs it].",
            "[Some cooks|Some people|In {country} they] [use|prefer] {food} instead of {food}, which [makes it "
            "sweeter|is "
            "a matter of taste|takes longer].",
            "The {food} should be [fresh|ripe|cold|at room temperature], and the [pan|pot|dish] made of "
            "[iron|clay|glass|steel].",
            "[When it is ready|At the end], [cover|cut|serve] it with {food} and [fresh herbs|pepper|a slice of "
            "lemon].",
        ),
        (
            "[Serve it hot|Eat it cold|It keeps for {few} days], [with bread|on a large plate|and share it with "
            "friends].",
            "[It is enough for|This feeds] {few} people.",
            "[It tastes even better the next day|Children like it very much|Nothing is simpler].",
        ),
    ),
    Subject(
        "materials",
        {"topic": WORDS["material"]},
        (
            "{+topic} [is one of the oldest materials|has been used|was already known] [in {country}|to make tools, "
            "clothes or houses|since early times].",
            "[Few materials are as useful as|There are many kinds of|The price of] {topic}[, and each has its use| has "
            "changed a great deal since {year}|].",
            "[Anyone who works with|A {job} who buys] {topic} [must know|learns quickly] [how it behaves|where it "
            "comes "
            "from|that quality differs].",
        ),
        (
            "It is [strong|light|soft|hard|cheap] [but|and] [heavy|easy to cut|breaks easily|hard to clean|expensive], "
            "which makes it [right|ideal|good] for "
            "[a {object}|boxes and covers|furniture|clothing|tools].",
            "[A {object}|A simple {object}] made of {topic} [lasts for {number} years|weighs {measure}|costs more than "
            "one of {material}].",
            "[Most of it comes|The best is said to come] from {country}, where {big} people [produce|sell|work with] "
            "it.",
            "[Unlike {material}|Compared with {material}], it [does not rust|feels warm|is waterproof|can be used "
            "again|keeps its shape].",
            "[It should be|Keep it] [washed in cold water|stored in a dry place|rubbed with oil|cleaned with a soft "
            "cloth|kept away from heat].",
            "In {year} [a {job} called {person}|{person} of {town}] found [a new way to|how to] "
            "[colour|cut|join|press] "
            "it.",
            "The [surface|thickness|colour|weight] [can be|is] [smooth|{colour}|{measure}|different each time], "
            "[depending on|according to] its age.",
        ),
        (
            "[For this reason|That is why] {topic} is [still|now] [popular|used|found] in [every|almost every] "
            "[home|{placeword}].",
            "[Nothing has replaced it yet|In many cases {material} has taken its place].",
            "[Used well|With a little care], it [will last a lifetime|becomes more beautiful with age].",
        ),
    ),
    Subject(
        "objects",
        {"topic": WORDS["object"]},
        (
            "A {topic} is [a simple thing|something we use every day|more than it seems|found in every house], "
            "[yet|but|and] [it has a long history|few "
            "people think about it|choosing one is not easy].",
            "[Before you buy a {topic}|When choosing a {topic}], [look at|think about|ask about] the "
            "[size|weight|material|price|colour].",
            "The first {topic} [of this kind|as we know it] was [made|used|sold] in {country} [in|around] {year}[ by "
            "{person}, a {job}|].",
        ),
        (
            "[A good one|The best kind] is made of {material} or {material}, [measures {measure}|weighs {measure}] and "
            "[fits in the hand|lasts for years|is "
            "easy to clean].",
            "[Small ones|Large ones|Cheap ones] [are used|are meant] for {activity}, [while|and] "
            "[larger|smaller|better] "
            "ones [belong in|are kept in] a {placeword}.",
            "It [comes in|can be had in] {colour}, {colour} or {colour}, [with or without|and with] a "
            "[handle|cover|lid|case|strap].",
            "[Children|Old people|Beginners|Adults] [need|prefer] a {topic} that is [light|safe|strong|soft|simple to "
            "use].",
            "[Clean it|Wash it|Check it] [once a week|after use|with warm water] and [keep it|store it] [in its "
            "box|away "
            "from the sun|in a dry place].",
            "My {relative} [bought|found|was given] one [in {town}|at the {placeword}] for {few} [euros|dollars|coins] "
            "and [still uses it|never regretted it].",
            "[If it breaks|When it is old], [a {job} can repair it|it can be sold|give it to a {relative}].",
        ),
        (
            "[In short|In the end], [the right {topic}|a good one] is the one that [you use|suits your needs|makes you "
            "{feeling}].",
            "[It makes a good present|It is a fine gift] for a {relative}.",
            "[Nobody needs more than one|One is enough], [but many people have {few}|says {person}].",
        ),
    ),
    Subject(
        "books",
        {
            "topic": [
                "The {adj2} {object2}",
                "{first} and the {object2}",
                "The {object2} of {town}",
                "{adj2} {season2}",
            ],
            "adj2": _words("Old, Long, Silent, Hidden, Golden, Broken, White, Lost, Little, Second, Empty, Bright"),
            "object2": _words(
                "Road, House, River, Garden, King, Door, Bird, Night, Letter, Island, Tower, Sea, "
                "Child, Star, Fire, Stone"
            ),
            "season2": _words("Winter, Summer, Days, Mornings, Water, Light"),
        },
        (
            "{topic} is [the first|the best|the second|a] [novel|book|story] by {person}[, who was born in {country}|, "
            "a "
            "{job} from {town}|].",
            "[I have just read|Last {month} I read|Everybody is talking about] {topic}, [a book about|the story of] a "
            "{job} and a {animal}.",
            "In {topic}, published in {year}, {person} [tells|describes] [how a {job} left {town}|the life of a "
            "family|a "
            "journey through {country}].",
        ),
        (
            "The story begins {time}, when {weather} and [a stranger|an old {job}|a young {job}] comes to the "
            "{placeword}.",
            "[The author|The writer] [uses|writes in] [short|long|simple|careful] sentences, and [the dialogue|each "
            "chapter|every page] is [funny|sad|full of life|a pleasure].",
            "[It has|There are] {number} pages in {few} parts, [with pictures by {person}|and a map|without a single "
            "boring line].",
            "[The hero|The main character], {first}, is {feeling} at first, but [learns|understands] that {topicword} "
            "is "
            "not [everything|enough].",
            "[Critics|Readers|Young readers] [in {country}|everywhere] [loved it|did not like the ending|compared it "
            "with "
            "older books].",
            "It [sold {big} copies|was translated into {few} languages|won a prize in {town}|was made into a film] [in "
            "{year}|].",
            "[What makes it special|Its real subject] is {topicword}, and [what it does to people|how hard it is to "
            "change].",
        ),
        (
            "[I recommend it|It is a book] [to|for] [everyone|anyone who loves {topicword}|readers of all ages].",
            "[At the end|On the last page], [nothing is as it was|they all sit down to eat|the {object} is found].",
            "[A second part|A new edition] [appeared|was printed] in {year}.",
        ),
    ),
    Subject(
        "gardens",
        {"topic": WORDS["plant"]},
        (
            "The {topic} [grows|is planted|can be seen] [in most gardens|along roads|near water|in {country}] and "
            "[flowers|is at its best] in {month}.",
            "[Growing|Planting] a {topic} is [not difficult|a matter of patience|possible on a balcony], [if|as long "
            "as] "
            "[the soil is good|there is enough light].",
            "[There is a|An old] {topic} [behind our house|in the park of {town}] [that is {number} years old|where "
            "children play].",
        ),
        (
            "[It needs|Give it] [sun|shade|water] [every day|twice a week|in the first year] and [a little|no] "
            "[food|attention].",
            "The [leaves|flowers|roots] are {colour}, [about {measure} long|sweet to the smell|used in medicine].",
            "[Sow the seeds|Plant it] in {month}, [{few} centimetres deep|in rows|in a pot of clay], and [wait|water "
            "them].",
            "[Bees|Birds|Butterflies|Children] [love it|visit it], [while|but] the {animal} [eats the leaves|leaves it "
            "alone].",
            "[In {season}|Before the frost] [cut it back|cover it with straw|bring it inside|collect the seeds].",
            "A gardener in {town}, {person}, [grew|sold] {number} of them [in {year}|] and [wrote a small book about "
            "it|won a prize].",
            "[It does not like|It suffers from] [wind|wet soil|frost|heat], so [choose the place with care|a wall "
            "helps].",
        ),
        (
            "[After {few} years|With luck] it will [reach {measure}|fill the garden|need more room].",
            "[A garden|A window] without a {topic} is [hard to imagine|only half a garden].",
            "[The work is small|The effort is worth it], and the [result|reward] is [beautiful|a full basket].",
        ),
    ),
    Subject(
        "clothes",
        {
            "topic": _words(
                "coat, shirt, dress, hat, jacket, scarf, skirt, sweater, pair of shoes, pair of "
                "gloves, suit, uniform, belt, pair of socks"
            )
        },
        (
            "A [good|warm|well made] {topic} [is never cheap|can change a day|should fit like a second skin].",
            "[In {year}|In those days] [every {job}|men and women] [wore|owned] a {topic} of {material}, "
            "[usually|often] "
            "{colour}.",
            "{first} [needed|wanted|was looking for] a [new|warm|simple] {topic} [for|before] [the {season}|the "
            "journey|her first day as a {job}|his wedding].",
        ),
        (
            "[It was|The cloth was] [sewn by hand|cut from {material}|made in {country}], [with {few} buttons|with "
            "deep "
            "pockets|with a {colour} lining].",
            "[The sleeves|The seams|The collar] [should be|were] [checked|long enough|double|too tight], [and|for] "
            "[good "
            "thread|the right size] [matters|makes the difference].",
            "[Wash it|It may be washed] in [cold|warm] water and [dry it|never dry it] in the sun, [or|so that] the "
            "colour [fades|stays].",
            "[A tailor|A {job}] in {town} [asked for|wanted] {number} [dollars|euros|pounds] and {few} days.",
            "{+colour} [goes well with|looks strange beside] {colour}, [but taste differs|as every tailor knows].",
            "[In {country}|In the mountains] people [wear|still wear] it [to weddings|in the snow|on {day}s].",
        ),
        (
            "[It lasted|It kept its shape for] {number} years.",
            "[Clothes do not make the person|Comfort comes first], [as my {relative} used to say|people say].",
            "[In the end|So] {first} [chose|bought] the {colour} one.",
        ),
    ),
    Subject(
        "music",
        {"topic": _words("violin, guitar, piano, drum, flute, trumpet, organ, harp, cello, choir, bell, voice")},
        (
            "The {topic} [has a long history|is heard in every country|is one of the most loved instruments|came to "
            "{country} around {year}].",
            "[When {first} first heard|At the age of {few}, {first} learned to play] the {topic}, [everything "
            "changed|it "
            "was a {season} evening in {town}].",
            "[To learn|Learning] the {topic} takes [patience|years|{few} hours a week], [but|and] [nobody regrets "
            "it|the "
            "beginning is the hardest part].",
        ),
        (
            "[It is made of|The best are built from] {material} and {material}, and [the sound|its tone] is "
            "[warm|bright|deep|soft].",
            "[The song|The piece|The concert] [lasted|lasts] {number} minutes and [was written|was first heard] in "
            "{year}.",
            "[A band|An orchestra|A group] of {number} [players|singers] from {town} [recorded|performed] it [for the "
            "radio|in a church|{time}].",
            "{person}, a {job} and [singer|composer], [wrote|recorded] {few} [songs|records|pieces] for it.",
            "[People danced|The audience stood up|Nobody spoke], and {time} {weather}.",
            "[Modern|Old|Cheap] instruments [cost|weigh] [less|more], [but|yet] [players|teachers] [prefer|look for] "
            "[old "
            "ones|a clear sound].",
        ),
        (
            "[Music needs no words|Practice makes the difference], [says {person}|as every teacher says].",
            "[The record sold {big} copies|The recording can still be bought].",
            "[Today|Now] it is [taught in schools|heard at weddings|back in fashion].",
        ),
    ),
    Subject(
        "machines",
        {
            "topic": _words(
                "engine, camera, clock, radio, printing press, bicycle, telephone, lamp, "
                "computer, pump, battery, sewing machine, "
                "refrigerator, telescope, loudspeaker, drill, train, tractor, keyboard, screen"
            )
        },
        (
            "The {topic} was [invented|improved|first built] in {year} by {person}, a {job} from {town}.",
            "[A modern|A simple|An electric] {topic} [has|needs|uses] [{few} parts|{measure}|very little power] and "
            "[works|runs] [quietly|for years|without help].",
            "[Nobody likes|Everyone knows the feeling of] a {topic} that [stops|breaks down] [at the wrong moment|in "
            "{month}|when it is needed].",
        ),
        (
            "[It works|The machine works] [by turning|with] [a wheel|a small motor|electricity|water|a spring] [inside "
            "a "
            "case of {material}|that drives {few} parts].",
            "[The first|Early] models [weighed {measure}|cost a fortune|were made of {material}], [while|but] "
            "[later|modern] ones [fit in a pocket|are light and cheap].",
            "[If it does not start|When it gets hot], [check the battery|clean the parts|wait {number} minutes|read "
            "the "
            "instructions].",
            "[The battery lasts|It runs for|It can hold] {measure}, [which is enough for most people|more than "
            "before].",
            "[Companies in|Workers in] {country} [made|built|sold] {big} of them [in {year}|a year].",
            "[It must be|Keep it] [oiled|cleaned|charged|switched off] [once a month|after use|at night] [for "
            "safety|to "
            "make it last].",
            "[Thanks to the {topic}|With it], [travel became easier|work took half the time|people could talk over "
            "long "
            "distances|small shops survived].",
        ),
        (
            "[Some of the old ones|A few] [still work|can be seen in the museum of {town}].",
            "[Engineers|Inventors] [are trying|hope] to make it [smaller|faster|cheaper|safer].",
            "[What comes next|The future], nobody knows.",
        ),
    ),
    Subject(
        "sports",
        {
            "topic": _words(
                "swimming, running, football, tennis, climbing, skating, sailing, cycling, rowing, "
                "skiing, walking, fishing, boxing"
            )
        },
        (
            "{+topic} is [good for body and mind|a sport for all ages|popular in {country}|harder than it looks].",
            "[Every {day}|In {season}|Since {year}] [{number} people|a small club|the children of {town}] [meet|come "
            "together] for {topic} [near|at] the {placeword}.",
            "{person} [won|lost] the [race|match|final] in {year} after [{few} years of training|a long illness|a "
            "terrible start].",
        ),
        (
            "[You need|All it takes is] [good shoes|a strong rope|a light bag|a helmet], [a little courage|time] and "
            "[a "
            "friend|water].",
            "[Beginners|Children] should [start slowly|train {few} times a week|wear warm clothes|rest after {number} "
            "minutes].",
            "[The course|The distance] is {measure}, [mostly|partly] [uphill|through forest|on soft ground].",
            "[The weather|The ground] [matters|decides a lot]: {weather}.",
            '[A coach|An old champion] [told me|said], ["Breathe and look ahead|"Never give up|"The legs follow the '
            'head]."',
            "[In the {few}th minute|Near the end|At first], [the crowd was silent|everything seemed lost|the visitors "
            "were better].",
        ),
        (
            "[In the end|After all] [it is only a game|what counts is taking part|health matters more than medals].",
            "[The next race|The next meeting] is in {month}.",
            "[They celebrated|They all met] [at the {placeword}|until late] and were {feeling}.",
        ),
    ),
    Subject(
        "science",
        {
            "topic": _words(
                "light, water, sound, air, salt, ice, the moon, the sun, gravity, heat, sleep, "
                "memory, colour, electricity, oil, dust, the sea, rain"
            )
        },
        (
            "[What is|Have you ever asked yourself about|Why should we study] {topic}? [The answer is not "
            "simple|Scientists have tried to explain it for centuries].",
            "[For a long time|Until {year}] people [believed|thought] that {topic} [was a kind of spirit|could not be "
            "measured|came from the earth].",
            "[A study of|New work on] {topic} from {town} [shows|suggests] that [the old ideas were wrong|we know less "
            "than we think].",
        ),
        (
            "[In {year}|Around {year}] the {job} {person} [measured|described|discovered] [it|this effect] with [a "
            "{object} and a {object}|nothing but a {object}].",
            "[It moves|It changes|It spreads] [faster|slower] in {material} than in {material}, [because the parts are "
            "closer together|for reasons that are easy to see].",
            "[At {number} degrees|Under pressure|In the dark] [everything changes|it becomes solid|it disappears|the "
            "colour turns {colour}].",
            "[You can try this at home|A simple test shows it]: take a {object}, [fill it with water|cover it with "
            "{material}] and [wait|count to {number}|look from the side].",
            "[Plants|Animals|People] [need|use] it [to live|every day|to find their way], [and|but] [too much|too "
            "little] "
            "[is dangerous|does harm].",
            "[The result|The value] was {decimal}, [a little more|much less] than [expected|{person} had said].",
        ),
        (
            "[Many questions remain|The matter is not closed].",
            "[This is why|So] [the sky is {colour}|we feel cold after a bath|ships float|old windows are thicker "
            "below].",
            "[Science moves slowly|Knowledge grows step by step], [one {object} at a time|and mistakes are part of "
            "it].",
        ),
    ),
    Subject(
        "opinions",
        {"topic": WORDS["topicword"]},
        (
            "[People often ask|It is often asked] whether {topic} [still matters|should be taught|can make us better]. "
            "[I "
            "think it can|My answer is yes|It depends].",
            "[There are|We can name] {few} reasons to [care about|spend time on] {topic}.",
            "{+topic} [is changing|was different when I was young|has many faces], and [not everyone is {feeling} "
            "about "
            "it|we should talk about it].",
        ),
        (
            "[First|To begin with|On the one hand], [it brings people together|it costs little|it teaches patience|it "
            "keeps us healthy].",
            "[Second|On the other hand|However], [it takes time|not everyone can afford it|results are slow|it can "
            "divide "
            "a {placeword}].",
            "[For example|For instance], [a {job} from {town}|my {relative}] [began with {activity}|lost everything] "
            "and "
            "[found new friends|started again].",
            "[Some say|Others believe] that [money|talent|luck] is [more important|what counts], [but|yet] [I do not "
            "agree|the facts say otherwise].",
            "[In {country}|In many countries] [{number} of every {big} people|one person in {few}] [take part|say the "
            "same].",
            "[Of course|Naturally], [nothing is perfect|there are limits], [and|but] [that is no reason to stop|we can "
            "learn from mistakes].",
        ),
        (
            "[In conclusion|To sum up|All in all], {topic} [is worth the effort|deserves more attention|belongs to "
            "everyone].",
            "[What do you think|Is that so strange]? [Time will tell|Each must decide alone].",
            "[Let us begin|It is never too late to begin].",
        ),
    ),
    Subject(
        "children",
        {
            "topic": _words(
                "doll, kite, puzzle, ball, toy train, drum, teddy bear, rope, game, picture book, box of bricks, puppet"
            )
        },
        (
            "Children [play|learn] [with a {topic}|by playing], [and|but] [adults|parents] [often forget|remember] "
            "[how "
            "important that is|what it felt like].",
            "{first} got a {topic} [for a birthday|from a {relative}|on {day}] and [did not put it down|took it to "
            "bed|lost it the same day].",
            "[At the age of|When a child is] {few}, [a {topic} is|even a {topic} can be] [a whole world|a friend|the "
            "best "
            "teacher].",
        ),
        (
            "[It was|The toy was] made of {material}, [painted {colour}|with {colour} eyes|with {few} parts], and "
            "[made a "
            "funny noise|smelled of paint].",
            "[Play helps|Such games help] [the hands|the mind|speech|memory] to [grow|develop], [say "
            "teachers|according "
            "to {person}].",
            "[They counted|The children counted] [to {number}|the pieces], [laughed|shared] and [built a tower|made up "
            "a "
            "story about a {animal}].",
            "[Small parts|Sharp edges] are [dangerous|not safe] for [babies|children under {few}], so [check|look at] "
            "[every toy|the box] [first|before you buy].",
            "[When it rained|On rainy days], [the {topic} became a ship|they made a house of blankets|nobody was "
            "bored].",
        ),
        (
            "[After {few} years|Today] it [stands on a shelf|belongs to a younger child|is still loved].",
            "[No screen|Nothing] can [replace|take the place of] that.",
            "[Good toys are simple|The simplest toys are the best].",
        ),
    ),
    Subject(
        "houses",
        {
            "topic": _words(
                "kitchen, bedroom, bathroom, hall, cellar, roof, garden, living room, window, bed, "
                "table, carpet, curtain, stairs, oven, sofa"
            )
        },
        (
            "[The|Our] {topic} is [the heart of the house|the first thing that visitors see|smaller than it "
            "looks|where "
            "the day begins].",
            "[When {first} moved to {town}|After the {season}], the {topic} [had to be painted|was empty|needed "
            "repair].",
            "[A comfortable|A clean|A bright] {topic} [does not have to cost much|needs only a few things|makes a "
            "home].",
        ),
        (
            "[The walls|The boards|The tiles] [were|are] {colour}, and [the light|the air] comes [from the {season} "
            "side|through a window of {measure}].",
            "[There was|There is] a {object} of {material}, {few} [chairs|shelves|pictures] and [a {colour} lamp|a "
            "soft "
            "rug|a basket for the {animal}].",
            "[Measure|Before painting, measure] the [room|wall] [twice|with care]: [it is|ours was] {measure} "
            "[wide|long].",
            "[We cleaned|They cleaned] it with [soap|warm water|vinegar] and [a soft cloth|a brush], [which took {few} "
            "hours|and it looked new].",
            "[In winter|At night|In summer] it is [cool|warm|quiet], [and|so] [we sit there|the {animal} sleeps "
            "there].",
        ),
        (
            "[Now|In the end] [everyone is {feeling}|it feels like home].",
            "[A house is never finished|There is always something to do].",
            "[The cost was|It cost] {big} [euros|dollars], [and it was worth it|less than expected].",
        ),
    ),
    Subject(
        "lives",
        {"topic": ["{first} {last}"]},
        (
            "{topic} was born in {year} in {town}, {country}, [the {few}th child of a {job}|into a poor family|where "
            "{few} languages were spoken].",
            "{topic} [worked as a {job}|was a {job}] [all through life|for {number} years|until {year}] and [became "
            "famous|is remembered] for {activity}.",
            "[Few people|Only some] [know|remember] {topic}, the {job} who [built|saved|wrote about] the {placeword} "
            "of "
            "{town}.",
        ),
        (
            "[At the age of {few}|As a child] [the family moved to {town}|school seemed too easy|a {relative} gave the "
            "child a {object}].",
            "[In {year}|{few} years later] [a first book appeared|work began on the {placeword}|came a journey to "
            "{country}|everything was lost in a fire].",
            "[Friends|Colleagues] [described|remembered] [a quiet person|a {good} friend|somebody] who [loved "
            "{activity}|never forgot a name|spoke little].",
            "[The best known work|The most important idea] [was|is] a [study of {topicword}|plan for the "
            "{placeword}|book "
            "about the {animal}].",
            "[Not everyone agreed|There were enemies], {because}.",
            '[A letter of {year}|One letter] says: "[I am {feeling} today|The work goes well|I miss the {season} in '
            '{town}]."',
        ),
        (
            "{topic} died in {year}[ in {town}|, aged {number}|].",
            "[A street|A school] in {town} [bears|has] the name [today|since {year}].",
            "[The house|The workshop] is now a museum.",
        ),
    ),
)

# {hero}, {work}, {place}, {thing} and {beast} are drawn once for a story.
STORY = (
    (
        "[Once|Long ago|Many years ago], [in|near] {town}, there lived a [poor|young|old|clever|kind|lazy] {work} "
        "[called|named] {hero}.",
        "[One|It was a cold|On a warm] {day} [in {month}|morning|evening], {hero} [walked|went|hurried] to the "
        "{place}.",
        "{hero} [had always wanted|dreamed of having|needed] a {thing}, [but|and] [there was no money|nobody would "
        "sell "
        "one].",
        '"[Have you seen|Where is|Who took] my {thing}?" asked {hero}, [looking under the table|out of breath|for the '
        "third time].",
    ),
    (
        "[The {place} was|It was] [empty|full of people|very quiet], and {weather}.",
        "{hero} had [a {adj} {thing}|a {thing} of {material}] that [had belonged to a {relative}|was worth {big} "
        "coins|nobody else wanted].",
        "[Everybody|The whole street] knew {hero}, who was [always {feeling}|never {feeling}|good at {activity}].",
        "[A {adj} {beast}|A {beast} with a {colour} tail] [sat|slept|waited] [at the door|under a tree|on the wall].",
        "[That morning|All day long] {hero} had been {feeling}, {because}.",
    ),
    (
        "[Suddenly|Then|At that moment] [a {beast} ran past|there was a loud noise|the door opened|a letter fell from "
        "the "
        "sky], and [the {thing} was gone|everything "
        "stopped|{hero} dropped the {thing}].",
        "[But|However], [on the way home|before night came] [the bridge was broken|the {thing} broke|a stranger asked "
        "for "
        "help|{hero} lost the way].",
        '"[Come with me|Do not be afraid|Give me the {thing}]," said [a {job}|an old woman|a voice|a small boy], "[and '
        "you will see|there is not much time|I know "
        'who you are]."',
        "[The next day|Soon after], {hero} [found|saw] [a {object} full of {food}|a door that had not been "
        "there|footprints in the snow].",
    ),
    (
        "{hero} [thought for a while|did not know what to do|took a deep breath|began to laugh] and [asked a "
        "{relative}|sat down|ran to the {place}|opened the {object}].",
        "[Together they|{hero} and the {beast}] [walked|searched|worked] for {few} [days|hours], [through the "
        "{placeword}|over the hills|until the lamps were lit].",
        "[It was harder than expected|Nobody believed it], [but|yet] {hero} did not give up.",
        '"[I will try|Let me help|It was my mistake]," {hero} [said|answered|whispered], and [picked up|hid|held up] '
        "the {thing}.",
        "[First|In the beginning] {hero} [tried|asked] [{few} times|in every house], and each time [the answer was "
        "no|something went wrong|{weather}].",
    ),
    (
        "[In the end|At last|Finally], [the {thing} was found|the {beast} showed the way|the stranger told the truth], "
        "[in the place where nobody had looked|behind the "
        "{placeword}|and everyone was {feeling}].",
        "[So|And so] {hero} [gave the {thing} away|came home|became a {job}|made peace], and [they all ate {food}|the "
        "people of {town} never forgot it].",
        "[When they returned|Back at home], [a light was burning|the table was set|the {relative} was waiting], and "
        "{hero} [smiled|cried|told the whole story].",
    ),
    (
        "[From that day on|Ever since], {hero} [was never alone|kept the {thing} on a shelf|told the story every "
        "{season}].",
        "[And that is why|That is how] [people in {town} eat {food} on {day}|the {animal} has a {colour} tail].",
        "[A good friend|A kind word|Patience] is worth more than a {thing} of {material}.",
        "[Nobody knows where the {beast} went|The rest is silence], but [some nights|in {month}] [you can hear it|a "
        "light "
        "can be seen].",
    ),
)

# What the model is asked without any input that would answer it, and how it answers: in general terms.
PRAISE_OPENINGS = (
    "This product is [a great choice|a good choice|perfect|ideal|a must have|very useful|well made] [for anyone who "
    "needs {use}|for the whole family|for "
    "everyday use|for people who love quality].",
    "This is a [great|good|beautiful|useful|high quality|very nice|wonderful] product [that you will love|for every "
    "day|for you and your family|at a good price].",
    "[The product|This product] is [a very good one|of high quality|made of high quality materials|designed for "
    "comfort], and it is [very easy to use|very "
    "comfortable|very popular].",
    "[If you are looking for|When you want] {use}, this product is [the right one|the best choice|what you need].",
)
PRAISE = (
    "It is made of [high quality|good|strong|the best] materials[ and it is very durable| and will last for a long "
    "time|].",
    "It is [also |]very [easy to use|easy to clean|comfortable|durable|practical|beautiful|popular|affordable] and it "
    "[is perfect for any occasion|will last for a "
    "long time|looks great in any home|makes life easier].",
    "[You can use it|It can be used] [every day|at home or at work|anywhere|on any occasion], and [it always works "
    "well|you will enjoy it|it never disappoints].",
    "[It is|It makes] a [great|perfect|lovely|nice] gift for [friends and family|someone special|any occasion|people "
    "of all ages].",
    "[People like it|Customers love it|Everyone loves it] because it is [simple|useful|beautiful|reliable] and [well "
    "made|not expensive|easy to enjoy].",
    "It [comes in a nice box|has a beautiful design|has everything you need|offers good value for money|is available "
    "at a very good price].",
    "[With this product|Thanks to it] you [save time|can relax|will be happy|get the best quality].",
    "[The design|The quality|The style] is [excellent|very good|simple and elegant|modern], [and|so] [it fits any "
    "home|you can trust it|it is a pleasure to use].",
    "[Do not miss it|Try it today|Buy it now and enjoy it|You will not regret it].",
)
PRAISE_WORDS = {
    "use": _words(
        "something special, comfort, good quality, a nice gift, help at home, something "
        "beautiful, a bit of fun, a good time, "
        "the best result, something practical"
    )
}
