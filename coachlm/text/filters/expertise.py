"""Pairs that only a specialist could revise: one set of rules per topic."""

import re
from collections.abc import Sequence

from coachlm.pairs import ExcludeReason
from coachlm.text.filters.base import PairFilter, Reading, Rule, rule

_TOPICS: dict[str, Rule] = {
    "music": rule(
        "music",
        "chord chords scale scales sheet key octave arpeggio arpeggios signature bassline tablature tabs "
        "counterpoint major minor melody tune symphony harmony composition score musical solfege music",
        r"\b(?:chord progressions?|guitar (?:chords?|tabs?)|sheet music|key signatures?|octaves?|arpeggios?"
        r"|time signatures?"
        r"|bassline|tablature|counterpoint|solfege|musical (?:scales?|notes?|notation|chords?|intervals?))\b",
        r"\bchords? (?:for|of|in|from|that|to)\b(?! a circle)|\b(?:the|these|three|four|some|a"
        r"|play) chords?\b(?! of a circle)",
        r"\b(?:major|minor|pentatonic|chromatic|blues|musical) (?:scales?|chords?|keys?)\b|\b[b-g](?:#|b|-flat"
        r"|-sharp| flat| sharp)? (?:major|minor)\b|\ba(?:-| )minor\b",
        r"\b(?:compose|write|create|generate|construct|make|record|produce) (?:me )?(?:an? "
        r"|the )?(?:[a-z-]{2,15} ){0,3}?(?:melody|tune"
        r"|symphony(?! (?:concert|orchestra))|piece of music|musical (?:composition|piece|score)|music composition"
        r"|harmony|piano piece|drum beat)\b",
    ),
    "chemistry": rule(
        "chemistry",
        "lewis structural molecule molecular chemical balance balanced stoichiometry stoichiometric titration "
        "molarity isomer "
        "isomers iupac oxidation electron reaction enthalpy moles compound structure orbital hybridization ph",
        r"\b(?:lewis (?:dot )?(?:structure|diagram)|structural formula|molecular (?:structure|formula|geometry"
        r"|orbital\w{0,2})"
        r"|chemical (?:structure|equation|formula|synthesis)|stoichiometr\w{1,3}|titration|molarity|isomers?|iupac"
        r"|oxidation (?:state|number)s?|electron configuration|reaction mechanism|enthalpy|hybridi[sz]ation"
        r"|balanced? (?:the |this |a )?(?:following |given )?(?:chemical |redox )?(?:equation|reaction))\b",
        r"\bstructure of (?:the |this )?(?:following |given )?(?:molecule|compound)\b|\bchemical reaction (?:between"
        r"|of)\b",
        r"\b(?:number of|how many) moles\b|\bmoles of\b|\bmolecular orbital\b",
    ),
    "medicine": rule(
        "medicine",
        "diagnose diagnosis diagnoses dosage dose doses prescribe prescription patient patients medical treatment "
        "drug ecg ekg mri clinical condition",
        r"\bdifferential diagnos[ei]s\b|\bdiagnos(?:e|is)\b[^\n]{0,60}\b(?:patient|symptoms?|medical"
        r"|disease|illness|conditions?|disorder|test results?)\b|\b(?:patient|symptoms?"
        r"|medical condition)\b[^\n]{0,60}\bdiagnos(?:e|is|es)\b",
        r"\bdosage (?:of|for)\b|\b(?:recommended|correct|safe|maximum) (?:dosage|dose)\b|\bprescribe (?:an?|the|some)\b"
        r"|\bprescription for\b|\bdrug interactions?\b|\btreatment plan for\b[^\n]{0,40}\b(?:patient|disorder"
        r"|disease|cancer)\b",
        r"\b(?:medical|health) condition (?:for|of) (?:this|the|a) patient\b|\bcategori[sz]e this medical condition\b"
        r"|\binterpret\b[^\n]{0,40}\b(?:ecg|ekg|mri|blood test|lab results?)\b",
    ),
    "law": rule(
        "law",
        "contract lease legal nda agreement will testament attorney lawsuit statute patent terms policy pleading "
        "brief bylaws affidavit",
        r"\b(?:draft|write|create|generate|prepare|compose|formulate|construct|develop|design|produce|make"
        r"|provide)(?: me| up)? (?:an? |the )?(?:(?!(?:of|for|about|to|on|that|program|code|sentence|story|list|how|in"
        r"|questions?)\b)[a-z-]{2,15} )"
        r"{0,4}?(?:(?<!smart )contract|lease|legal (?:document|brief|pleading|letter|notice|opinion|argument|memo"
        r"|advice)|non-disclosure agreement|nda|last will|will and testament|power of attorney|lawsuit|statute"
        r"|patent (?:claims?|application)|terms (?:of service|and conditions|of use)|privacy policy|bylaws|affidavit"
        r"|(?:rental|lease|settlement|licen[sc]e|licensing|employment|partnership|legal|confidentiality|prenuptial"
        r"|service|loan|purchase) agreement)\b",
        r"\b(?:give|provide)(?: me)? legal advice\b",
    ),
    "mathematics": rule(
        "mathematics",
        "integral integrals integrate antiderivative derivative derivatives differentiate differential eigenvalue "
        "eigenvalues "
        "eigenvector eigenvectors determinant fourier laplace taylor prove proof matrix matrices stationary jacobian "
        "gradient topology injective surjective bijective",
        r"\b(?:(?:in)?definite integrals?|integral (?:of|from)|evaluate the integral|integrate (?:the (?:function"
        r"|expression"
        r"|following)|x|y|sin|cos|\d)|antiderivative|differential equations?|eigenv(?:alue|ector)s?|determinant of"
        r"|(?:fourier|laplace|taylor) (?:transform|series|expansion)|stationary distribution|jacobian"
        r"|inverse of (?:the|this|a)"
        r" (?:\w{1,12} )?matrix|(?:multiply|product of) (?:the |these |two )?(?:following )?matrices)\b",
        r"\b(?:first|second|third|fourth|fifth|nth|\d(?:st|nd|rd|th)|partial|find the|determine the|what is the"
        r"|compute the|calculate the"
        r"|take the) (?:partial )?derivatives?\b|\bderivative of (?:the |this )?(?:function|expression|equation|f"
        r"|[a-z]\b|\d|sin|cos|tan|log|ln|x)|\bdifferentiate (?:the (?:function|expression|equation)|f\(|y|x|\d)",
        r"\b(?:injective|surjective|bijective)\b|\b(?:prove|proof)\b[^\n]{0,80}(?:\btheorem|\blemma|\breal numbers"
        r"|\bidentity|\birrational|\blaw of|\binduction|="
        r"|\bsqrt|√|\bprimes?\b|\btriangles?\b|\bintegers?\b|\bdivisible\b|\bsquare root)",
    ),
    "programming": rule(
        "programming",
        "code python java javascript sql html css c program function algorithm script api regex query class pseudocode "
        "bash php ruby rust typescript react",
        r"\b(?:write|create|generate|implement|build|develop|design|construct|debug|fix|refactor|optimi[sz]e|explain)\b"
        r"[^.?!\n]{0,80}\b(?:code|python|java|javascript|sql|html|css|program|function|algorithm|script|api|regex"
        r"|query|class|pseudo-?code|bash|php|ruby|rust|typescript|react)\b",
    ),
}


_ABOUT_THE_FIELD = re.compile(
    r"\b(?:ai|artificial intelligence|machine learning|deep learning|gpt(?:-\d)?|story|novel|poem|metaphor|analogy"
    r"|algorithm|extract|summari[sz]e|summary|paragraph|passage|in (?:this|the) text)\b"
)


class BeyondExpertise(PairFilter):
    """Overly professional scenes, by topic; which ones is a setting.

    `programming` is off by default though the paper's experts revised few such pairs: it is too large a part of real
    logs. Source: paper Table III; the topics are ours.
    """

    reason = ExcludeReason.BEYOND_EXPERTISE

    def __init__(self, topics: Sequence[str]) -> None:
        self._rules = tuple(_TOPICS[topic] for topic in topics)

    def rule_fired(self, reading: Reading) -> str | None:
        request, words = reading.request, reading.words
        if _ABOUT_THE_FIELD.search(request):
            return None
        if reading.material and len(reading.material) <= 200:
            request = f"{request}\n{reading.material.lower()}"
        for topic in self._rules:
            if topic.fires(request, words):
                return topic.name
        return None
