"""Pairs about pictures, video or sound that the text does not hold, or that ask for one as the answer."""

import re

from coachlm.pairs import ExcludeReason
from coachlm.text.filters.base import PairFilter, Reading, first_fired, rule

_SEEN = (
    r"(?:images?|pictures?|pics?|photos?|photographs?|videos?|video clips?|film clips?|audio|audio files?|recordings?"
    r"|paintings?|drawings?|illustrations?|screenshot|cartoon|comic strip|meme|gif|animation)"
)
_MEDIA = (
    r"(?:images?|pictures?|pics?|photos?|photographs?|videos?|video clips?|film clips?|audio|audio files?|recordings?"
    r"|sound files?|soundtracks?|paintings?|drawings?|sketch(?:es)?|illustrations?|artworks?|(?:piece|work)s? of art"
    r"|screenshots?|cartoons?|comics?|comic strips?|memes?|gifs?|figures?|charts?|graphs?|diagrams?|maps?|animations?"
    r"|flags?|logos?|x-?rays?|visuals?)"
)
_MEDIA_WORDS = (
    "image images picture pictures pic pics pictured photo photos photograph photographs video videos clip clips audio "
    "recording recordings sound soundtrack painting paintings drawing drawings sketch sketches illustration artwork "
    "artworks art screenshot screenshots cartoon cartoons comic comics meme memes gif gifs figure figures chart charts "
    "graph graphs diagram diagrams map maps animation flag flags logo logos xray ray visual visuals visualization"
)
# What makes the medium a topic instead of a thing to be looked at.
_TOPIC = (
    r"(?! (?:games?|processing|editing|editors?|recognition|classif\w{0,8}|generation|generators?|prompts?"
    r"|script\w{0,2}|captions?|descriptions?|titles?|ideas?|tags?|gallery|galleries|apps?|sharing|albums?|frames?|elements?|urls?"
    r"|links?|files? (?:format|name)s?|of speech|skaters?|skating|books?|theory|databases?|models?|cards?|players?"
    r"|conferenc\w{0,4}|streaming|producers?|designers?|calls?|chats?|carousels?|captioning|data\b|components?))"
)
_WORDS_BETWEEN = (
    r"(?:(?!(?:for|of|to|about|from|in|on|with|that|which|using|caption|captions|description|title|titles|name|list"
    r"|program|code|script|function|app|application|website|algorithm|character|how|and|or|by|as)\b)[\w'-]{1,20} ){0,5}"
)
_ADJECTIVES = r"(?:(?!(?:for|of|to|in|on|with|by|at|about|from|or|and)\b)[a-z-]{2,20} ){0,2}?"
_ENDS = (
    r"(?= (?:below|above|attached|provided|shown|and|in|to|is|are|was|has|using|with|into|so|what|based|as|from|depict"
    r"|show|i)\b| ?[.,:;?!\n]|$)"
)
_MAKE = r"(?:generate|create|make|produce|show|render|design|give|send|find|provide|build|construct|upload|edit|post)"

_LOOK_AT = rule(
    "refers to media that is not there",
    _MEDIA_WORDS,
    rf"\b(?:this|these|following|given|provided|attached|above|supplied) {_ADJECTIVES}{_MEDIA}\b{_TOPIC}{_ENDS}",
    rf"\b(?:the|my) {_ADJECTIVES}{_SEEN}\b{_TOPIC}{_ENDS}",
    rf"\b{_MEDIA} (?:below|above|attached)\b",
    rf"^(?:given|look at|describe|analy[sz]e|interpret|caption) (?:an?|two|this|these|some) {_MEDIA}\b{_TOPIC}{_ENDS}",
    r"\bin (?:this|the) (?:photo|photograph|image|video|drawing|screenshot)\b",
    r"\bis pictured\b",
)
_PRODUCE = (
    rule(
        "asks for an image",
        "image images picture pictures photo photos photograph photographs drawing drawings illustration "
        "illustrations painting cartoon sketch gif gifs meme memes collage cloud wordcloud animation video videos 3d "
        "dimensional d artwork art visual visualization graphic graphics",
        rf"\b{_MAKE} {_WORDS_BETWEEN}(?:images?|pictures?|photos?|photographs?|drawings?|illustrations?|painting"
        rf"|gifs?|memes?|collage|word ?cloud(?: representation)?|animation|videos?"
        rf"|(?<!character )(?<!biographical )sketch|piece of art|artwork"
        rf"|(?:visual|graphic) (?:representation|illustration|output|design|image)|3d (?:model|simulation|animation"
        r"|drawing|object|figure|render\w{0,3})|3-d model|three-dimensional (?:model|figure|object))"
        rf"\b{_TOPIC}(?= (?:of|for|that|which|showing|depicting|about|to|with|using|in|on|based|from|illustrating"
        r"|representing|illustrate|out|featuring)\b| ?[.,:;?!\n]|$)",
        rf"\b{_MAKE} (?:an? )?(?:visual|graphic)(?: (?:of|representing|illustrating|for)\b|$|\.)",
    ),
    rule(
        "asks for a drawing",
        "draw sketch paint doodle handwrite photograph",
        r"(?:^|[.!?,:\n] ?|\b(?:please|you|to|and|me) )(?:draw|sketch|paint|doodle|handwrite)(?: me| us| out)?"
        r" (?:an?|the|some|two|three|four|five|this|these|your|my)\b(?! (?:\w{1,12} ){0,3}?(?:conclusions?"
        r"|comparisons?|parallels?"
        r"|inferences?|analog\w{1,3}|distinction|attention|lessons?|line between|contrast|connections?|links?|user"
        r"|picture (?:with|in|using) words|customers?|attention|crowds?|house\b|room\b|wall\b|fence\b|card|ball))",
    ),
    rule(
        "asks for a plot",
        "graph graphs chart charts plot visualization visualize visualise diagram histogram",
        rf"(?<!how to )\b{_MAKE} {_WORDS_BETWEEN}(?:graph|(?<!seating )(?<!organization )(?<!org )chart|(?:scatter"
        rf"|box|bar|line) ?plot|data visualization|visualization|diagram|histogram)\b{_TOPIC}",
        r"\b(?:draw|plot|sketch) (?:an?|the|this) (?:[a-z-]{1,15} ){0,3}?(?:graph|chart|plot|diagram|histogram"
        r"|curve)\b",
        r"^visuali[sz]e the (?:\w{1,12} )?data\b",
    ),
)
_SOUND = rule(
    "asks to hear, speak or play",
    "audio speech recording podcast transcribe song music video listen record voice sound",
    r"\btranscribe (?:the|this|a|an|following|these) (?:[a-z-]{1,15} ){0,3}?(?:audio|video|recording|clip|podcast"
    r"|speech|file|song|conversation|voice\w{0,5})\b",
    r"\btext (?:in)?to speech in\b|\bconvert (?:the|this|following|given) (?:[a-z-]{1,15} )?text to (?:speech|audio)\b",
    r"^(?:please )?(?:play|listen to|record) (?:me )?(?:an?|the|this|some) (?:[a-z-]{1,15} ){0,2}?(?:song|music"
    r"|audio|video|recording|clip|melody|sound|podcast)\b",
    r"\b(?:edit|enhance|improve|identify|classify) (?:the|this) (?:sound|audio)\b",
)
_TRIGGERS = _LOOK_AT.triggers.union(_SOUND.triggers, *(made.triggers for made in _PRODUCE))
# A text form of a picture is an answer: code, a table, arrows, panels.
_TEXT_FORM = re.compile(
    r"\t| {4}|```|<svg|<html|<div|<script|\bplt\.|\bimport |\|[ \w-]|-{3}|={3}|->|[→⇒↓⇓]|^\||panel \d|[┌│└█]",
    re.I | re.M,
)
_ASCII_ART = re.compile(
    r"\bascii\b|\bsvg\b|\bcode\b|\bhtml\b|\bcss\b|\bpython\b|\bmermaid\b|\blatex\b|\btikz\b|\bin words\b"
)

_OWN_MATERIAL = re.compile(r"[\n:]|.{250}")
_QUESTION = re.compile(r"(?:can|could|will) (?!you)|(?:how|what|why|does|do|is|are|which|who)\b")

_PLACEHOLDER = re.compile(
    rf"\W{{0,3}}(?:(?:image|picture|photo|painting|figure|video|audio|design|input)(?: url| link)?: ?)?"
    rf"[\[<({{]{{1,2}} ?(?:[a-z' -]{{0,40}}\b)?(?:{_MEDIA}|\w{{1,40}}\.(?:jpe?g|png|gif|svg|bmp|mp[34]|wav|avi|mov))\b"
    r"[^\n\])>}:]{0,60}[\])>}]{1,2}\W{0,3}",
    re.I,
)
_BARE = re.compile(
    rf"(?:see |an? |the |attached |attach |insert |upload |hand |time-series ){{0,3}}(?:{_SEEN}|charts?|graphs?"
    rf"|figure|flag)"
    r"(?: (?:attached|provided|here|file|link|of [a-z' -]{1,40}))?[.:]?",
    re.I,
)
_MARKDOWN_IMAGE = re.compile(r"!\[[^\]\n]{0,200}\]\s?[(\[]|\[img\]|<img\s", re.I)
_MEDIA_URL = re.compile(
    r"https?://\S{1,300}\.(?:jpe?g|png|gif|svg|webp|bmp|tiff?|mp[34]|wav|ogg|avi|mov|webm)\b"
    r"|https?://(?:\w{1,20}\.)?(?:youtu\.be|youtube\.com/watch|i\.imgur\.com|imgur\.com|images\.unsplash\.com"
    r"|soundcloud\.com|vimeo\.com|flickr\.com)",
    re.I,
)
_URL = re.compile(r"https?://|www\.", re.I)
_HTTP = frozenset({"http", "https"})
_SHORT_REQUEST = 300
_BRACKETS = ("[", "<", "(", "{")


class MultiModal(PairFilter):
    """Image, video and audio, which a text model neither sees nor makes.

    A medium that the input describes in words is kept, and so are designs (logos, posters) answered in words: the
    paper's experts revised those. Source: paper Table III and its released revisions.
    """

    reason = ExcludeReason.MULTI_MODAL

    def rule_fired(self, reading: Reading) -> str | None:
        if reading.multi_modal:
            return "media part beside the text"
        return (
            (self._input_rule(reading) if reading.material else None)
            or self._request_rule(reading)
            or self._answer_rule(reading.answer)
        )

    @staticmethod
    def _input_rule(reading: Reading) -> str | None:
        material = reading.material[:400]
        if _PLACEHOLDER.fullmatch(material) or _BARE.fullmatch(material):
            return "media placeholder as input"
        if _MARKDOWN_IMAGE.search(material) and not _ASCII_ART.search(reading.request):
            return "image in the input"
        return "media address as input" if len(material) < 300 and _MEDIA_URL.search(material) else None

    @staticmethod
    def _request_rule(reading: Reading) -> str | None:
        request, words = reading.request, reading.words
        if not words.isdisjoint(_HTTP) and len(request) <= _SHORT_REQUEST and _MEDIA_URL.search(request):
            return None if _ASCII_ART.search(request) else "media address in the instruction"
        if words.isdisjoint(_TRIGGERS):
            return None
        named = reading.material and not _URL.search(reading.material[:100])
        if not named and _LOOK_AT.fires(request, words) and not _OWN_MATERIAL.search(request):
            return _LOOK_AT.name
        if not named and _SOUND.fires(request, words):
            return _SOUND.name
        if _QUESTION.match(request) or _ASCII_ART.search(request):
            return None
        made = first_fired(_PRODUCE, request, words)
        return None if made and _TEXT_FORM.search(reading.answer[:2_000]) else made

    @staticmethod
    def _answer_rule(answer: str) -> str | None:
        if answer.startswith(_BRACKETS) and len(answer) <= 300 and _PLACEHOLDER.fullmatch(answer):
            return "media placeholder as response"
        return None
