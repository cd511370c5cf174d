"""Sentences of our own with made-up persons, addresses and organisations, and prose without any."""

import random
from collections.abc import Iterator

from benchmarks.personal_data.values import Sample

_GIVEN = (
    *("Amara", "Bjørn", "Chiara", "Dmitri", "Eleni", "Farid", "Grace", "Hiroshi", "Ingrid", "Jamal", "Kavita", "Liam"),
    *(
        "Mateo",
        "Noor",
        "Olga",
        "Pedro",
        "Quentin",
        "Rosa",
        "Sanjay",
        "Thandiwe",
        "Ulrich",
        "Valentina",
        "Wei",
        "Yasmin",
    ),
)
_FAMILY = (
    *("Okafor", "Lindqvist", "Moretti", "Volkov", "Papadakis", "Haddad", "Whitfield", "Tanaka", "Halvorsen", "Brooks"),
    *("Deshmukh", "O'Connor", "Herrera", "Rahman", "Petrenko", "Carvalho", "Lambert", "Jiménez", "Iyer", "Dlamini"),
    *("Schneider", "Rossi", "Zhang", "Demir"),
)
_STREETS = (
    *("14 Maple Street", "220 Old Mill Road", "5 Rosewood Lane", "1071 Harbour Avenue, Apt 3", "Lindenstraße 17"),
    *("Hauptstr. 4a", "12 rue de la Paix", "Calle Mayor 8", "Via Garibaldi 33", "77 Kingsway Drive, Suite 210"),
)
_FIRMS = (
    *(
        "Northwind Logistics Ltd",
        "Bluepeak Software Inc",
        "Hansen Maritime Group",
        "Solara Energy Corp",
        "Weber Optik GmbH",
    ),
    *(
        "Riverside Community Hospital",
        "Castell Insurance",
        "Mindmill Technologies",
        "Ortega Partners",
        "Karoo Farms Company",
    ),
)
_PERSONS = (
    "My name is {}.",
    "Hi {}, can you send me the report by Friday?",
    "Yesterday {} told me that the meeting was moved.",
    "Please forward this to {} in accounting.",
    "The invoice was signed by {} on behalf of the tenant.",
    "I spoke with {} about the broken heater.",
    "Dear {},\n\nThank you for your letter.",
    "Write a reference letter for {}, who worked with us for three years.",
    "Patient: {}\nComplaint: headache since Monday",
    "Best regards,\n{}",
    "{} lives next door and has two dogs.",
    "My colleague {} and I will present the results.",
    "Could you rewrite this e-mail to my landlord, {}?",
    "Name: {}\nAge: 34",
    "Summarise the call between the agent and {}.",
)
_PLACES = ("I live at {}.", "Ship it to {}, please.", "My address is {}.", "Our office moved to {} last month.")
_WORKS = (
    "I work for {}.",
    "She was hired by {} in May.",
    "The contract with {} ends in June.",
    "He left {} last year.",
)
_NOBODY = (
    "The capital of France is Paris, and Berlin is the capital of Germany.",
    "Write a Python function that sorts a list of dictionaries by a key.",
    "Photosynthesis turns carbon dioxide and water into glucose and oxygen.",
    "The Great Wall of China is over 20,000 kilometres long.",
    "In JavaScript, Promise.all rejects as soon as one promise rejects.",
    "Mix the flour, sugar and butter, then bake at 180 degrees for 30 minutes.",
    "The Amazon River flows through Brazil, Peru and Colombia.",
    "List three advantages of renewable energy.",
    "World War II ended in September 1945.",
    "Monday is the first day of the week in most of Europe.",
    "The Pacific Ocean is the largest ocean on Earth.",
    "Kubernetes schedules Pods on Nodes and keeps their state in etcd.",
    "Translate the sentence into Spanish: The weather is nice today.",
    "A triangle has three sides; an isosceles one has two of equal length.",
    "Linux and Windows handle file permissions differently.",
    "The Eiffel Tower was completed in 1889.",
    "Classify the animals: Lion, Dolphin, Eagle, Salmon, Frog.",
    "Mars has two moons, Phobos and Deimos.",
    "Use the Oxford comma in lists of three or more items.",
    "The United Nations was founded after the war.",
    "Suggest five names for a coffee shop near the beach.",
    "The human heart has four chambers.",
    "Compare TCP and UDP in two paragraphs.",
    "The Sahara is the largest hot desert in the world.",
    "What is the difference between HTTP and HTTPS?",
    "Red, Green and Blue are the primary colours of light.",
    "The Renaissance began in Italy in the fourteenth century.",
    "Describe the water cycle for children of eight years.",
    "Gold has the symbol Au and the atomic number 79.",
    "Spring follows Winter, and Autumn follows Summer.",
)


def people_samples(generator: random.Random, each: int) -> Iterator[Sample]:
    """Persons by their whole names, addresses and firms; then texts without any (empty values)."""
    for sentence in _PERSONS:
        for _ in range(each):
            name = f"{generator.choice(_GIVEN)} {generator.choice(_FAMILY)}"
            yield Sample(sentence.format(name), name, "PERSON", "sentence")
    for kind, sentences, values in (("ADDRESS", _PLACES, _STREETS), ("ORGANISATION", _WORKS, _FIRMS)):
        for sentence in sentences:
            for value in generator.sample(values, min(each, len(values))):
                yield Sample(sentence.format(value), value, kind, "sentence")
    for text in _NOBODY:
        yield Sample(text, "", "", "prose")
