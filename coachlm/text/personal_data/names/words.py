"""Words that begin sentences, name countries or end firms' names: none of them is a person."""

SENTENCE_STARTS = frozenset(
    """
    a about above according action add additionally advantages after again all also although always an and
    another answer any apply are as ask assume at avoid based because before being below best both bring build
    but by calculate can category change check choose classify click come common compare complete compose
    compute consider construct contact context continue convert correct could count create currently data date
    dear define delete describe design determine develop did do does don't due during each edit either email
    enjoy ensure even every everyone example excuse explain extract false feel figure fill final finally find
    first follow following for from further furthermore generate get give given go god good great group had
    happy has have he hello help her here hey hi his how however i i'd i'll i'm i've identify if imagine in
    include increase indeed input insert instead instruction is it it's its just keep know last learn let let's
    like list look made make many match maybe me meanwhile mention might model more moreover most my name need
    never new next no none not note nothing now of often oh ok okay on once one only open or order other our out
    output over overall part people perform perhaps person phone please possible predict problem produce provide
    question read reason reasons recently regarding remember remove rephrase replace result return review
    rewrite run same save say second see select send sentence set several she should show similarly simplify
    since so some someone something sometimes sort specify start step still store subject such suggest summarize
    sure take task tell text than thank thanks that the their them then there there's therefore these they
    they're think this those though three through thus title to today together too topic translate true try turn
    two type understand unfortunately unless until up update use user using value various very view visit want
    was we we're website well were what what's when where whether which while who who's whose why will with
    within without word work would write year yes yesterday yet you you're your bot agent assistant customer
    system human monday tuesday wednesday thursday friday saturday sunday january february march april may june
    july august september october november december english french german spanish italian chinese japanese
    russian american british european python java javascript html css sql json api url http https class def
    import const var function null none attribution internet
    """.split()  # noqa: SIM905 (a list of words)
)
"""What a sentence without a name begins with; in lower case."""

COUNTRIES = frozenset(
    """
    afghanistan albania algeria argentina armenia australia austria azerbaijan bangladesh belarus belgium
    bolivia brazil bulgaria cambodia cameroon canada chile china colombia congo croatia cuba cyprus czechia
    denmark ecuador egypt england estonia ethiopia europe finland france germany ghana greece greenland
    guatemala haiti honduras hungary iceland india indonesia iran iraq ireland israel italy jamaica japan
    kazakhstan kenya korea kuwait latvia lebanon libya lithuania luxembourg malaysia mali malta mexico moldova
    mongolia morocco mozambique myanmar nepal netherlands nicaragua nigeria norway pakistan panama paraguay peru
    philippines poland portugal qatar romania russia rwanda scotland senegal serbia singapore slovakia slovenia
    somalia spain sudan sweden switzerland syria taiwan tanzania thailand tunisia turkey uganda ukraine uruguay
    uzbekistan venezuela vietnam wales yemen zambia zimbabwe america africa asia
    """.split()  # noqa: SIM905
)

FIRM_ENDINGS = (
    "Inc|LLC|LLP|Ltd|Limited|GmbH|AG|KG|SE|S\\.A\\.|S\\.p\\.A\\.|B\\.V\\.|Corp|Corporation|Incorporated|Company|Co|PLC|Plc|plc"
    "|Group|Holdings?|Partners|Associates|Bank|Insurance|Industries|Technologies|Solutions|Consulting|Systems|Services"
    "|University|Institute|College|Hospital|Foundation|Ministry|Agency|Orchestra|Ventures|Capital|Labs|Laboratories|Enterprises"
)
