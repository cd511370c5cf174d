"""Toxic, sexual, hateful or dangerous requests, and requests for copyrighted texts.

Word lists can't judge context; these rules look for requests and statements, not for topics: a question about the
history of a weapon or the treatment of an addiction is kept. Slurs are the exception.
"""

import re

from coachlm.pairs import ExcludeReason
from coachlm.text.filters.base import TEXT_CHARS, PairFilter, Reading, first_fired, rule, word_set, words_in

_HOW = (
    r"(?:how (?:to|do i|can i|do you|would i|could i|can someone|does one)|(?:best|easiest|easy|good) ways? to"
    r"|help me|i want to|teach me (?:how )?to|instructions (?:to|for|on)|steps to|show me how to|tell me how to"
    r"|guide to)"
)

_PERSON = (
    r"(?:a |an |my |the |your |some |another )?(?:\w{2,12} )?(?:person|people|someone|somebody|wife|husband"
    r"|neighbou?r|boss|human|man|woman|child|kid|girl|boy|girlfriend|boyfriend|president|him|her|them|coworker"
    r"|teacher|classmate|family)"
)

_GROUP = (
    r"(?:women|blacks|black people|jews|muslims|mexicans|immigrants|asians|gays|gay people|homosexuals|christians"
    r"|hindus|refugees|foreigners|africans|arabs|chinese people|indians|disabled people|trans people|white people"
    r"|whites)"
)

_FEW = r"(?:[a-z'-]{1,15} ){0,3}?"

_ASKED = (
    rule(
        "self-harm",
        "kill suicide hang overdose harm cut life die",
        rf"\b(?:{_HOW}|going to|ways? of|methods? (?:of|to|for)) {_FEW}(?:kill(?:ing)? (?:myself|yourself|himself"
        rf"|herself)"
        r"|commit(?:ting)? suicide|end(?:ing)? my (?:own )?life|hang(?:ing)? myself|self-?harm|hurt(?:ing)? myself"
        r"|cut(?:ting)? myself|overdose on)\b",
        r"\b(?:write|draft|compose|generate) (?:me )?(?:an? |my )?suicide (?:note|letter)\b|\bsuicide (?:methods?"
        r"|pact)\b|\bi (?:want to|wanna|am going to|will) (?:kill myself|die|end my life)\b",
    ),
    rule(
        "weapons",
        "bomb bombs explosive explosives molotov grenade weapon weapons ricin silencer gun napalm thermite gas ied "
        "poison bioweapon gunpowder",
        r"\b(?:make|build|construct|assemble|create|print|get|buy|obtain|synthesi[sz]e|manufacture|making|building) "
        rf"{_FEW}(?:bombs?|explosives?|molotov|grenade|(?:chemical|biological|nuclear) weapons?|bioweapon|nerve gas"
        rf"|ricin"
        r"|silencer|ghost gun|ied|napalm|thermite|untraceable gun|deadly poison)\b(?! (?:shelter|calorimeter|bath))",
    ),
    rule(
        "violence",
        "kill murder poison torture kidnap stab strangle assassinate rape beat hurt attack shoot blackmail stalk "
        "dispose body",
        rf"\b{_HOW} {_FEW}(?:kill|murder|poison|torture|kidnap|stab|strangle|assassinate|rape|beat up|shoot"
        rf"|blackmail|stalk) {_PERSON}\b|\b(?:dispose of|hide|get rid of) (?:a |the )?(?:dead )?body\b"
        r"|\b(?:i|we) (?:will|want to|am going to|should) (?:kill|murder|rape|shoot) (?:you|him|her|them|everyone"
        r"|people)\b",
    ),
    rule(
        "drugs",
        "meth methamphetamine cocaine crack heroin lsd mdma ecstasy fentanyl dmt ketamine drugs",
        r"\b(?:make|making|cook|cooking|synthesi[sz]e|produce|buy|sell|selling|smuggle|deal|manufacture|extract|get"
        r"|find) "
        rf"{_FEW}(?:meth|methamphetamine|crystal meth|cocaine|crack|heroin|lsd|mdma|fentanyl|dmt|illegal drugs)\b",
    ),
    rule(
        "hacking and fraud",
        "hack phishing ransomware keylogger malware virus trojan botnet ddos counterfeit fake launder money steal "
        "shoplift scam credit crack bypass",
        r"\bhack(?:ing)? (?:into|someone|somebody|(?:a|my|his|her|the|their) (?:\w{2,15} )?(?:account|computer|phone"
        r"|wifi|wi-fi|password|bank|server|website|instagram|facebook|email|network))\b",
        r"\b(?:write|create|make|build|develop|generate|give me|craft|code|design) (?:(?!(?:to|against|for|about"
        r"|from|on|that|of"
        r"|anti|detect\w{0,4}|prevent\w{0,4})\b)[a-z'-]{1,15} ){0,4}?(?:phishing (?:e-?mail|site|page|message"
        r"|campaign|website)"
        r"|ransomware|keylogger|(?<!anti-)malware|computer virus|botnet|ddos attack|counterfeit|fake (?:id|passport"
        r"|diploma)|scam (?:e-?mail|message|call))\b",
        rf"\b{_HOW} {_FEW}(?:steal|shoplift|launder money|rob a|forge (?:a|an)|evade taxes|scam (?:people|someone)"
        rf"|cheat on (?:my"
        r" (?:exam|test|taxes|wife|husband)|an? (?:exam|test)))\b",
        r"\b(?:list of|generate|give me|working|valid) (?:\w{1,12} ){0,2}?credit card numbers\b",
    ),
    rule(
        "hate or insult",
        "racist sexist homophobic misogynistic antisemitic semitic offensive hateful degrading insult insults roast "
        "derogatory xenophobic mean dirty vulgar",
        r"\b(?:write|tell|give|make|create|generate|come up with|say|compose|list|craft)(?: me| us)? (?:(?!(?:about"
        r"|against|for|on"
        r"|why|how|to|that|from|non)\b)[a-z'-]{1,15} ){0,3}?(?:racist|sexist|homophobic|misogynistic|anti-?semitic"
        r"|(?<!non-)offensive"
        r"|hateful|degrading|derogatory|xenophobic|dirty|vulgar) (?:\w{2,12} )?(?:jokes?|poem|comments?|statements?"
        r"|tweets?|story|insults?|slogans?|speech|remarks?|names?|song|limerick|words?)\b",
        r"\b(?:generate|write|create|give|tell|make|come up with|compose|list|say)(?: me| us)? (?:(?!(?:about"
        r"|against|for|on|to|from"
        r"|with|shakespear\w{1,6})\b)[a-z'-]{1,15} ){0,3}?insults?\b(?! (?:to injury|detect\w{0,4}))",
    ),
    rule(
        "sexual",
        "porn pornographic pornography erotic erotica hentai blowjob handjob masturbate masturbation nsfw nudes incest "
        "bestiality pedophile sexually sex horny",
        r"\b(?:porn(?:o|ographic)?|erotica?|hentai|blowjobs?|handjobs?|masturbat\w{1,5}|nsfw|nudes|bestiality"
        r"|sexually explicit|sex (?:scene|story|stories|chat|toys?|positions?)|have sex with|horny)\b",
    ),
)
_HATE = rule(
    "hateful statement",
    "women blacks black jews muslims mexicans immigrants asians gays gay homosexuals christians hindus refugees "
    "foreigners africans arabs chinese indians disabled trans white whites",
    rf"\b{_GROUP} (?:are|should(?: not)?|must|deserve to) (?:[a-z]{{1,12}} ){{0,3}}?(?:inferior|stupid|dumb|lazy"
    rf"|terrorists?"
    r"|criminals?|evil|animals|subhuman|vermin|disgusting|dirty|worthless|exterminated|killed|die|rapists?|stick to"
    r"|parasites|not (?:be allowed|welcome|smart|human))\b",
)
_DISCUSSES = re.compile(
    r"\b(?:classify|detect|identify|determine|analy[sz]e|why|explain|is (?:this|it)|stereotyp\w{1,4}|refute|counter"
    r"|respond|categori[sz]e|label|rewrite|bias\w{0,2}|hate speech|offensive|evaluate|fallacy|false|prevent\w{0,4}"
    r"|protect\w{0,4}|avoid\w{0,3}|detection|ethical)\b"
)
_SLURS = word_set(
    "nigger niggers nigga niggas n1gger faggot faggots fagot kike kikes wetback wetbacks spics tranny trannies gook "
    "gooks towelhead towelheads raghead ragheads"
)
_SWEARING = word_set(
    "fuck fucks fucked fucker fuckers fuckin fucking motherfucker motherfuckers motherfucking bullshit bitch bitches "
    "asshole assholes dickhead dickheads cunt cunts shit shits shitty shithead"
)
_COPIED = frozenset({"lyrics", "text"})
_LYRICS_OF = re.compile(
    r"\b(?:[Gg]ive|[Ww]rite|[Pp]rint|[Ss]how|[Rr]ecite|[Qq]uote|[Oo]utput|[Pp]rovide|[Pp]ost|[Ff]ind|[Tt]ype"
    r"|[Ww]hat are|[Ll]ist"
    r"|[Tt]ell|[Ss]end)(?: me| out| down)?(?: all)?(?: of)? (?:the )?(?:full |complete |entire |whole "
    r"|exact )?(?:song )?(?:lyrics (?:of|to|for|from) (?:the song (?=[\"“'‘A-Z])|[\"“'‘]|[A-Z])"
    r"|(?:full|complete|entire|whole) text of (?:[\"“'‘]|[A-Z]|the (?:book|novel|article)))"
)


class Safety(PairFilter):
    """Overly toxic, copyrighted or sensitive content. Source: paper Table III; the rules are ours."""

    reason = ExcludeReason.SAFETY

    def __init__(self, max_profanities: int) -> None:
        self._max_profanities = max_profanities

    def rule_fired(self, reading: Reading) -> str | None:
        request, words = reading.request, reading.words
        fired = first_fired(_ASKED, request, words)
        if fired is None and not _HATE.triggers.isdisjoint(reading.text_words):
            asked = f"{request}\n{reading.material[:TEXT_CHARS].lower()}"
            fired = _HATE.name if _HATE.pattern.search(asked) else None
        if fired is not None and not _DISCUSSES.search(request):
            return fired
        if (
            not words.isdisjoint(_COPIED)
            and "program" not in words
            and _LYRICS_OF.search(reading.pair.instruction[:TEXT_CHARS])
        ):
            return "copyrighted text"
        return self._words_rule(reading)

    def _words_rule(self, reading: Reading) -> str | None:
        if not _SLURS.isdisjoint(reading.text_words):
            return "slur"
        if _SWEARING.isdisjoint(reading.text_words):
            return None
        own = f"{reading.pair.instruction[:TEXT_CHARS]}\n{reading.answer[:TEXT_CHARS]}".lower()  # not earlier turns
        swearing = sum(1 for word in words_in(own) if word in _SWEARING)
        return "profanity" if swearing > self._max_profanities else None
