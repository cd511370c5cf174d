"""Pairs whose key content is missing: a placeholder, an address to be opened, or nothing where material is needed."""

import re

from coachlm.pairs import ExcludeReason
from coachlm.text.filters.base import PairFilter, Reading, rule

# Material that an instruction can work on. The first group is text; the second is material of other kinds.
_TEXT = (
    r"(?:articles?|passages?|texts?|paragraphs?|essays?|documents?|excerpts?|transcripts?|stor(?:y|ies)|news(?: article"
    r"| story| report)?|blog ?posts?|speech|abstract|e-?mails?|letters?|poems?|lyrics|conversations?|dialogues?"
    r"|reviews?|reports?|papers?|sentences?|statements?|quotes?|quotations?|phrases?|tweets?|headlines?)"
)
_OTHER = (
    r"(?:words?|inputs?|data ?sets?|data|tables?|lists?|numbers?|equations?|expressions?|code|code snippet|snippet"
    r"|program"
    r"|function|quer(?:y|ies)|strings?|arrays?|options?|questions?|items|terms?|dialogue|scenarios?|context|information"
    r"|details|instructions|recipe|menu|chart|graph|figure|diagram|website|web ?page|link|file|spreadsheet|problem"
    r"|riddle"
    r"|source|content|example|samples?|descriptions?|keywords?|prompt|job posting|resume|proverb|idiom|argument|facts"
    r"|painting|cartoon|tv show|event|topics?|amount)"
)
_END = (
    r"(?= (?:in|to|into|and|so|using|with|for|as|that follows|below|above|provided|given|from|at|by|if|without|is"
    r"|are)\b|[.?!,;]|\s*$)"
)


_REFERS = rule(
    "refers to material that is not there",
    "following provided attached supplied given below above enclosed this these input",
    rf"(?<!\ba )(?<!\bany )(?<!\ban )\b(?:following|provided|attached|supplied|enclosed) (?:[a-z-]{{2,20}} ){{0,2}}?"
    rf"(?:{_TEXT}|{_OTHER})\b{_END}",
    rf"\b(?:the|this|these) given (?:[a-z-]{{2,20}} ){{0,2}}?(?:{_TEXT}|{_OTHER})\b{_END}",
    rf"\b(?:{_TEXT}|{_OTHER}) (?:given |provided |attached )?(?:below|above|attached)[.,]?(?= and| in| to|\s*$)",
    rf"^given (?:the|this|these)(?: following| provided)? (?:[a-z-]{{2,20}} )?(?:{_TEXT}|input|list|data|dataset"
    rf"|code|table)"
    r"\b,",
    rf"\bthis (?:new |short |given )?(?:{_TEXT}|product|website|web page|app|program|code|logo|data|table|recipe"
    rf"|figure)\b{_END}",
    rf"^given (?:an?|two|three) (?:short |news |long )?{_TEXT},? (?:summari[sz]e|paraphrase|rewrite|identify|find"
    rf"|classify"
    r"|determine|correct|translate|extract)",
)
_NEEDS = rule(
    "works on a text that is not there",
    "summarize summarise paraphrase rewrite rephrase translate proofread edit correct analyze analyse classify shorten "
    "condense reword review read evaluate improve",
    r"\b(?:summari[sz]e|paraphrase|rewrite|rephrase|translate|proofread|edit|correct|analy[sz]e|classify|shorten"
    r"|condense"
    rf"|reword|read|review|evaluate|improve) (?:the|this|these|my) (?:[a-z-]{{2,15}} )?{_TEXT}(?= (?:in|to|into|and|so"
    r"|using|with|for|as|below|above)\b|[.?!,;]|\s*$)(?! (?:of|about|by|called))",
)
_WHICH = rule(
    "choice without options",
    "which",
    r"\bwhich (?:one )?of (?:the following|these)\b",
)
_TITLE_ONLY = rule(
    "known by its title alone",
    "article essay post paper report story",
    r"\b(?:summar\w{2,8}|review|outline|analy[sz]e|critique|paraphrase|(?:main|key|important) (?:points?|ideas?"
    r"|arguments?"
    r"|themes?|takeaways?)|thesis|conclusions?|based on|according to|author)\b[^\n\"“]{0,50}?\b(?:article|essay"
    r"|blog post"
    r"|news story|research paper|paper|report),? ?(?:titled |entitled |called |named )?[\"“'‘][^\n\"”]{5,140}[\"”'’]",
)
_TRIGGERS = frozenset().union(*(needs.triggers for needs in (_REFERS, _NEEDS, _WHICH, _TITLE_ONLY)))
# The material is only talked about: what is asked for is a way to treat it.
_DESIGNS = re.compile(
    r"\b(?:functions?|algorithms?|programs?|scripts?|code|classifiers?|systems?|models?|quer(?:y|ies)|api|method"
    r"|techniques?|pseudo-?code|how (?:would|could|can|do|to)|steps? to|java\w{0,6}|python|sql|regex|html"
    r"|website that)\b"
)
_NAMES_SOURCE = re.compile(r"\b(?:of|in|from|by) [A-Z][a-z]|[A-Z][\w']{2,20} [A-Z]")
_OWN_MATERIAL = re.compile(r"[:\"“‘`\[{(<\n]\s{0,5}\S|(?<!\w)'|[-–—] \S|; \S|,[^,]{1,40},[^,]{1,40},|\d[^\d]{1,20}\d|=")
_SECOND_SENTENCE = re.compile(
    r"[.?!] (?!(?:output|use|make|write|provide|give|include|explain|list|ensure|add|keep|return|choose|then|and"
    r"|your|the"
    r" (?:output|answer|response)|do|be|you|please|try|limit|answer|describe|identify|state|it should|no more|create"
    r"|highlight|focus|mention|point|also|if|in |i )\b)[\"“']?[\w$(]"
)

_URL_ONLY = re.compile(
    r"(?:[\w /]{1,30}: ?)?<?(?:(?:https?://|www\.)\S{3,500}"
    r"|[\w-]{2,60}(?:\.[\w-]{1,30}){0,3}\.(?:com|org|net|edu|gov|io|uk|co)(?:/\S{0,300})?)>?\.?",
    re.I,
)
_URL_LAST = re.compile(
    r"\b(?:article|page|web ?page|website|site|paper|post|news|story|document|blog|link|essay|report|text|url"
    r"|contents?)\b[^\n]{0,60}?[:\s]\s{0,3}(?:input: )?https?://\S{5,500}\s*$"
)
_URL_IS_TEXT = re.compile(
    r"\b(?:hyperlinks?|(?:create|make|add|insert) (?:an? )?(?:html )?links?|domain|html|anchor|python|programs?"
    r"|scripts?|code"
    r"|function|pars(?:e|er|ing)|regex|protocol|api|curl|ping|crawl\w{0,3}|scrap\w{1,4}|cit(?:e|ation|ations)"
    r"|referenc\w{1,4}|shorten|encode|qr|e-?mail|valid\w{0,6}|java\w{0,6}|query|command|component|sql|article id"
    r"|bookmark|block|bibliograph\w{1,4}|apa|mla)\b"
)
_URL_IS_THE_MATTER = re.compile(
    r"\b(?:urls?|links?|domains?|similar|alternatives?|competitors?|type of|what is the name)\b"
)
_LOOKS_INSIDE = re.compile(r"\b(?:summari[sz]\w{0,3}|summary|contents?|review|read|visit|article|key points|main)\b")

_PLACEHOLDER_WORDS = (
    r"(?:links?|insert|attach\w{0,4}|articles?|text|documents?|data ?sets?|data|files?|(?:spread)?sheets?|paragraphs?"
    r"|passages?|essays?|speech|poems?|story|e-?mail|letter|reports?|transcript|code|table|list|conversation"
    r"|reviews?|urls?"
    r"|web ?sites?|web ?pages?|app|product|descriptions?|contents?|pasted?|here|tree|puzzle|provided|input|output"
    r"|prompt|instructions?|name|topic|abstract|excerpt|lyrics|resume|excel|pdf|news)"
)
_BRACKETED = re.compile(
    rf"\W{{0,3}}(?:[a-z]{{1,20}}: ?)?[\[<({{]{{1,2}}[^\[\]<>(){{}}\d;=\"\n/,]{{0,80}}?\b{_PLACEHOLDER_WORDS}\b"
    r"[^\[\]<>(){}\d;=\"\n/,]{0,80}[\])>}]{1,2}\W{0,3}",
    re.I,
)
_BARE = re.compile(
    rf"(?:see |the |an? |attached |attach |insert |paste ){{0,3}}{_PLACEHOLDER_WORDS} (?:is )?(?:attached"
    rf"|not (?:provided"
    r"|available|included|given)|goes here|here|link|to be provided|to (?:the )?(?:article|text|document|website))[.!]?"
    r"|(?:see )?(?:the )?(?:attached|attachment|above|below)[.!]?|not (?:provided|available|given|specified)[.!]?"
    r"|(?:\.{2,}|…|_{2,}|-{2,}|\?{1,5}|x{3,})|(?:undefined|todo|tbd|test input|placeholder)",
    re.I,
)
_TITLE_INPUT = re.compile(
    r"(?:the )?(?:article|essay|blog post|paper|article title"
    r"|title of (?:the )?article):? ?[\"“'‘][^\"”\n]{3,120}[\"”'’]\.?",
    re.I,
)
_UNFILLED = re.compile(
    r"[\[<{](?:insert|paste)\b[^\]>}\n]{0,80}[\]>}]|\{\{ ?(?:prompt|input|text|question) ?\}\}", re.I
)
_NO_CONTENT = re.compile(r"[\W_]*|(\S)\1{3,}")
_BLANKS_ONLY = re.compile(
    r"(?:\[(?:prompt|instruction|input|text|question)\]|undefined|null|nan|none|<\w{1,20}>)", re.I
)

_ASKS_FOR_IT = re.compile(
    r"(?:(?:hi|hello|sure|of course|certainly|okay|ok|yes|absolutely|great|sorry|i'?m sorry|i am sorry|i apologi[sz]e"
    r"|unfortunately)\b[!,.]? ?(?:but )?){0,2}(?:i'?d be (?:happy|glad) to (?:help|assist)[^.!\n]{0,40}[.!,] ?)?"
    r"(?:but )?(?:(?:could|can|would) you (?:please )?(?:provide|share|paste|send|give|specify)"
    r"|please (?:provide|share|paste|send|attach|upload|specify)|there (?:is|was) no (?=[^.\n]{2,40} (?:provided"
    r"|given|attached|included))|no (?=\w{2,20} (?:was|is|were|has been)"
    r" (?:provided|given|attached|included))|(?:it (?:looks|seems|appears) (?:like |as if |as though "
    r"|that )?)?you (?:forgot"
    r"|haven'?t|have not|did not|didn'?t) |(?:i )?(?:don'?t|do not|can'?t|cannot) (?:see|find) (?:any|an?|the|your)"
    r"|the (?:\w{2,20} )?(?:is|was|were) not (?:provided|given|included))"
    rf"[^.!?\n]{{0,60}}\b(?:{_TEXT}|{_OTHER}|attachment|image|question)\b",
)
_SERVICE = re.compile(
    r"\b(?:no input|this instruction|customer|e-?mail|dialogue|conversation|script|chatbot|survey|form|request|role"
    r"|agent|reply)\b"
)
_ONE_THING_CHARS = 20
"""A single word as input can't hold the options of a choice."""
_SHORT_ANSWER, _OPENING_CHARS, _ADDRESS_CHARS = 400, 240, 600
_HTTP = frozenset({"http", "https"})


class InvalidInput(PairFilter):
    """The key content is missing or unreadable; `<noinput>` where none is needed is fine. Source: paper Table III."""

    reason = ExcludeReason.INVALID_INPUT

    def rule_fired(self, reading: Reading) -> str | None:
        return (
            self._noise_rule(reading)
            or self._placeholder_rule(reading)
            or self._address_rule(reading)
            or self._missing_rule(reading)
            or self._answer_rule(reading)
        )

    @staticmethod
    def _noise_rule(reading: Reading) -> str | None:
        instruction = reading.pair.instruction.strip()
        if len(instruction) <= 200 and (_NO_CONTENT.fullmatch(instruction) or _BLANKS_ONLY.fullmatch(instruction)):
            return "instruction without content"
        return None

    @staticmethod
    def _placeholder_rule(reading: Reading) -> str | None:
        material = reading.material
        if not material:
            return "unfilled template" if _UNFILLED.search(reading.request) else None
        if len(material) <= 200 and (_BRACKETED.fullmatch(material) or _BARE.fullmatch(material)):
            return "placeholder as input"
        if len(material) <= 200 and (_TITLE_INPUT.fullmatch(material) or _UNFILLED.search(material)):
            return "title or template as input"
        return None

    @staticmethod
    def _address_rule(reading: Reading) -> str | None:
        request, material = reading.request, reading.material
        if 0 < len(material) <= _ADDRESS_CHARS and _URL_ONLY.fullmatch(material):
            fired = "address as input"
        elif reading.words.isdisjoint(_HTTP) or (material and not material.startswith("http")):
            return None
        else:
            fired = "address instead of text" if _URL_LAST.search(request) else None
        if _URL_IS_TEXT.search(request) or (_URL_IS_THE_MATTER.search(request) and not _LOOKS_INSIDE.search(request)):
            return None
        return fired

    @staticmethod
    def _missing_rule(reading: Reading) -> str | None:
        request, words = reading.request, reading.words
        if words.isdisjoint(_TRIGGERS):
            return None
        if reading.material:
            alone = len(reading.material) <= _ONE_THING_CHARS and reading.material.isalpha()
            return _WHICH.name if alone and _WHICH.fires(request, words) and " or " not in request else None
        if _TITLE_ONLY.fires(request, words):
            return _TITLE_ONLY.name
        own = len(request) > 300 or _OWN_MATERIAL.search(request) or _SECOND_SENTENCE.search(request)
        if own or _DESIGNS.search(request):
            return None
        if _WHICH.fires(request, words) and " or " not in request:
            return _WHICH.name
        if _REFERS.fires(request, words):
            return _REFERS.name
        if _NEEDS.fires(request, words) and not _NAMES_SOURCE.search(reading.pair.instruction[:300]):
            return _NEEDS.name
        return None

    @staticmethod
    def _answer_rule(reading: Reading) -> str | None:
        if len(reading.answer) > _SHORT_ANSWER:
            return None
        opening = reading.answer[:_OPENING_CHARS].lower().replace("’", "'")
        if _ASKS_FOR_IT.match(opening) and not _SERVICE.search(reading.request):
            return "the response asks for it"
        return None
