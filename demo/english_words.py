"""Common English words, so that the tokenizer knows them and the model has met them in reading tasks."""

ENGLISH_WORDS = """
able about above accept accident according account across action active actually add address admire advance advice
affair afford afraid after afternoon again against age ago agree air allow almost alone along already also although
always among amount ancient angle animal announce another answer anyone anything appear apply area argue arm around
arrange arrive article aside ask assemble assembled assembly assistant attached attempt attention audience author
autumn available average avoid awake award aware away baby back balance band bar base basic bath battery batteries
beach beam bear beautiful because become before beginner behind believe belong below belt beneath benefit beside best
better between beyond bird birthday black blade blend blue board body bold book born both bottle bottom bought bound
box boys brand brave bread break breath bridge bright bring broad brother brought brown brush build built bundle burn
business butter button buttons buy cable cake calendar call calm camera camping can canvas capacity captain card
cardboard care carefully carry carrying case cast catch cause celebrate center central century certain chain chair
challenge chance change chapter chapters character charge charger charging charming cheap check cheerful chief child
children choice choose christmas circle city class classic clean cleaning clear click climb clip clock close closed
closes closure cloth clothes clothing coast coat coffee cold collar collect collection color colored colour colours
comb combine comes comfort comfortable common companion company compact compare complete computer concern condition
connect connection connects consider construction contain contains contents continue control controls cook cooking
cool copy cord core corner corners correct cost cotton could count country couple courage course cover covers craft
crafted create creative crew cross crowd cry cup curious current curve customer customers cut daily damp dance danger
dark date daughter days deal dear death decide decorate decoration deep deeper defend degree degrees delicate
delicious delight delightful deliver delivered delivery depth describe described design designed designer desk detail
details determine develop device difference different difficult digital dinner direct direction disc discover dish
dishwasher display distance divide doctor dog door double doubt down drama draw drawer drawing drawings dream dress
drink drive drop dry durable during duty each eager early earth ease easier easily east easy edge edges edition effect
effort eight either elastic electric electronic elegant eleven else empty encourage end energy engine enjoy enough
enter entire equal equipment escape especially essential even evening event ever every everyday everyone everything
exactly example excellent except exchange excite exciting exercise expect expected experience expert explain explore
extra eye face fact factory fade fall false family famous fantastic far farm fashion fast fastener father favorite
favour favourite fear feature features feed feel feeling feet fellow felt festival fever few fiber fibre fiction field
fifty fight figure figures fill filled film filter final finally find finds fine finger finish finished fire firm
first fish fit fits five fix fixed flag flame flat flavour flexible flight float floor flow flower flowers fly foam
fold folding follow follows food foot force foreign forest forever forget form format fortune forward found founded
four frame free freedom freeze fresh friend friendly friends frost fruit full fully fun function funny fur furniture
further future gain game games garden gas gather gave general generation gentle gently get gift gifts girl girls give
given glad glass glow go goes gold golden gone good got government grace grade grain grand grass great green grew grey
grip ground group grow growing guarantee guaranteed guard guess guest guests guide habit hair half hall hand handle
handles handmade hands handy hang hanging happen happy hard hardcover harm hat have head health healthy hear heart
heat heavy height held help helps herself hidden hide high highly hill himself history hit hobby hold holder holds
hole holiday holidays hollow home honest honour hook hope horse hot hotel hour hours house household however huge
human hundred hungry hunt hurry ice idea ideal illustrated illustration illustrations imagine imagination important
improve inch inches include included includes including increase indeed indoor information inner inside inspired
instant instead instruction instructions instrument interest interesting introduction invite iron island issue item
items itself jacket job join journey joy judge juice jump just keep keeps key kids kind king kit kitchen knew knife
know known label lack lady lamp land language large larger last lasting lasts late later laugh law lay layer lead
leader leaf leaflet learn learning least leather leave leaves led left leg legs length less lesson lessons let letter
letters level library lid lie life lift light lights lightweight like limited line lined lining link lips liquid list
listen little live lives load local lock long longer look looking looks loose lose lost lot loud love loved lovely low
lower luck luxury machine made magazine magic magnetic mail main make maker makes making man manage manner manual
manufacturer many map mark market master match matching material materials matter may meal mean means measure
measurements measures meat medal medium meet meets melt member memory men mention message metal method middle might
mile milk mind mini minute minutes mirror miss mistake mix mixed model modern moment money month months mood moon more
morning most mother motion motor mount mountain mouth move movement movie much multiple museum music musical must
mystery name named narrow nation national native natural nature near nearly neat necessary neck need needs neither
never new news next nice night nine noise none nor north nose not note notebook notes nothing notice novel novels now
number numbers object observe occasion ocean odd offer offers office official often oil old once one only onto open
opening opens opinion opposite orange order orders ordinary organize original other others ought our ourselves out
outdoor outer outfit outside outstanding oven over own owner pack package packaging packed page pages paid pain paint
painted painting pair pants paper paperback parents park part particular partner parts party pass past paste path
patience pattern patterns pay peace pen pencil people pepper per perfect perfectly perform performance perhaps period
permanent person personal pet pets phone photo photograph photographs piano pick picture pictures piece pieces pillow
pink pipe place plain plan plane plant plants plastic plate play player players plays please pleasure plenty plug plus
pocket pockets poems poet point points polish polished pool poor popular population port portable possible post poster
pot pound powder power powerful practical practice praise prepare present presents press pretty prevent price pride
prince print printed printing private prize problem process produce produced product products professional program
project projects promise proof proper protect protection protects proud prove provide provides public published
publisher pull puppy pure purple purpose push put puts puzzle quality quarter queen question quick quickly quiet quite
quote race rain raise ran range rapid rare rate rather reach reaches read reader readers reading ready real really
reason receive recent recommend recommended record recorded recording recycled red reduce reference reflective refresh
regular relax release reliable remain remarkable remember removable remove rent repair repeat replace replacement
reply report require required requires rest result return reveals review reviews rhythm rich ride right ring rise risk
river road rock roll romance roof room root rope rough round row rubber rug rule rules run running safe safely safety
said sail salt same sand satin satisfied save say says scale scene school science scratch screen screw sea seal sealed
season seat second secret secrets section secure see seed seeds seem seems select selected sell seller selling send
sense sensitive sent separate separately series serve service set sets seven several sew sewn shade shadow shake shape
shapes share sharp sheet sheets shelf shell shelter shine ship shipped shipping ships shirt shock shoe shoes shop
short should shoulder show shower shown shows shut side sides sight sign signal signed silence silicone silk silver
similar simple simply since sing single sister site situation six size sized sizes skill skills skin sky sleep sleeve
slide slightly slim slip slow slowly small smaller smart smell smile smoke smooth snap snow soap social soft soil sold
sole solid solution some someone something sometimes son song songs soon sort soul sound source south space spare
speak speaker special specially specifications speed spell spend spirit splash split sponge spoon sport spot spray
spread spring square stable staff stage stain stainless stand standard stands star stars start starter state station
stay stays steam steel stem step steps stick sticker stickers still stitch stitched stock stone stop storage store
stories storm story straight strange stranger strap straps street strength stretch strike string strip strong
structure student students studio study sturdy style styles stylish subject success such sudden sugar suggest suit
suitable summer sun supply support supports sure surface surprise sweet swim swing switch symbol system table take
takes tale talent talk tall tape task taste taught teach teacher team tear technique teeth tell tells temperature ten
tender tent test tested text texture than thank that their them theme themselves then theory there therefore these
they thick thickness thin thing things think third thirty this those though thought thousand thousands thread three
through throughout throw thus ticket tie tight tile till time timeless times tiny tip tired title today toddler
together told tone too took tool tools tooth top topic total touch tough tour toward towel tower town toy toys trace
track trade tradition traditional train training transform transparent travel traveler treasure treat tree trial trick
tried trim trip trouble true truly trunk trust truth try tube turn turns twelve twenty twice twin twist two type
typical under understand uniform union unique unit unless until unusual upon upper upright upside use used useful user
uses using usual usually valley value variety various version vibrant view village vintage visit visitor vivid voice
volume volumes wait walk wall want war warm warmth warning warranty wash washable washing waste watch water waterproof
wave way ways weak wear weather weave website wedding week weekend weeks weigh weight welcome well went west wet what
wheel wheels when where whether which while white who whole whose why wide width wife wild will wind window wine
winner winter wipe wire wireless wise wish with within without wolf woman women wonder wonderful wood wooden wool word
words work works workshop world worn worry worth would wound woven wrap wrapped write writer writing written wrong
yard year years yellow yesterday yet young your yours yourself zip zipper
""".split()  # noqa: SIM905  (a list literal of this length cannot be read)
