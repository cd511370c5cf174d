"""The bundled coach: tags there and back, what it mends and leaves alone, files that were tampered with."""

import json
import random
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file

from coachlm.coaching.lessons import UNKNOWN
from coachlm.errors import EngineError, ModelError
from coachlm.pairs import InstructionPair
from coachlm.revision import Outcome
from coachlm.settings import load_settings
from recipes.coach.corruption import Damage, damaged_text
from reviser.coach.base import CONFIG, MANIFEST, WEIGHTS, WORDS, Bundle, read_base
from reviser.coach.bundle import BUNDLE, read_bundle
from reviser.coach.choosing import Limits
from reviser.coach.lexicon import TYPES, said_twice
from reviser.coach.reviser import CoachReviser
from reviser.coach.tagger import EditKind
from reviser.coach.tags import NOTHING, CaseTag, Edit, GapTag, WordTag, apply_edits
from reviser.coach.teaching.remedies import edit_of
from reviser.coach.words import Kind, Words, split_words
from reviser.engines import build_reviser
from tests.reviser.coach_texts import CLEAN, DAMAGED, MENDED

ANY_TEXT = st.text(alphabet=st.one_of(st.characters(), st.sampled_from("ab Ab.,'’\n\t-_1\ue000")), max_size=80)
EDITS = st.builds(
    Edit,
    word=st.sampled_from(WordTag),
    gap=st.sampled_from(GapTag),
    case=st.sampled_from(CaseTag),
    text=st.sampled_from(["", "word", "two words"]),
)


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return read_bundle()


@pytest.fixture(scope="module")
def coach(bundle: Bundle) -> CoachReviser:
    return CoachReviser(bundle)


def pair(response: str, instruction: str = "Tell me about the town.") -> InstructionPair:
    return InstructionPair(instruction, "", response)


def response_of(coach: CoachReviser, text: str) -> str:
    return coach.revise([pair(text)])[0].revised.response


@given(ANY_TEXT)
def test_a_text_taken_apart_is_the_text(text: str) -> None:
    words = split_words(text)
    assert words.text() == text
    assert apply_edits(words, [NOTHING] * len(words.tokens)) == text


@given(ANY_TEXT, st.data())
def test_no_edit_touches_numbers_marks_or_parts_of_names(text: str, data: st.DataObject) -> None:
    words = split_words(text)
    edits = [data.draw(EDITS) for _ in words.tokens]
    # The engine never proposes to delete anything but words.
    edits = [
        edit if token.kind is Kind.WORD or edit.word is not WordTag.DELETE else NOTHING
        for token, edit in zip(words.tokens, edits, strict=True)
    ]
    kept = [token.text for token in words.tokens if token.kind is Kind.OTHER or token.frozen]
    position, changed = 0, apply_edits(words, edits)
    for piece in kept:
        position = changed.index(piece, position) + len(piece)


def test_parts_of_names_and_numbers_are_frozen() -> None:
    words = split_words("plain well-known e-teh x2 a_teh teh@b.org teh() 'teh' #teh - plain, the end.")
    assert [token.text for token in words.tokens if token.kind is Kind.WORD and not token.frozen] == [
        "plain",
        "org",
        "plain",
        "the",
        "end",
    ]


@pytest.mark.parametrize(
    ("text", "said_again"),
    [
        ("the the end", [1]),
        ("in the north in the north", [3, 4, 5]),
        ("no no no", [1, 2]),
        ("1 1 one", []),
        ("one two one", []),
    ],
)
def test_words_and_phrases_said_twice(text: str, said_again: list[int]) -> None:
    assert sorted(said_twice(split_words(text).tokens)) == said_again


@pytest.mark.slow
@given(st.integers(0, 10_000))
def test_the_remedy_of_any_damage_restores_the_text(bundle: Bundle, seed: int) -> None:
    damage = Damage(bundle.lexicon, {"becuase": "because", "thier": "their"})
    words = split_words(CLEAN)
    made = damage.tokens(words.tokens, 0.3, random.Random(seed))
    if any(UNKNOWN in (each.word, each.gap, each.case) for each in made):
        return
    damaged = Words(tuple(each.token for each in made), words.tail)
    assert split_words(damaged.text()).text() == damaged.text()
    assert apply_edits(damaged, [edit_of(each, bundle.lexicon) for each in made]) == CLEAN


def test_damage_spares_code_links_and_numbers(bundle: Bundle) -> None:
    text = f"{CLEAN} See https://example.org/a/b and `some code here` or 12,345.67 of 3.\n```\nthe code of it\n```"
    damage = Damage(bundle.lexicon, {})
    for seed in range(20):
        made = damaged_text(text, damage, 0.5, random.Random(seed))
        assert all(
            piece in made for piece in ("https://example.org/a/b", "`some code here`", "12,345.67", "the code of it")
        )


def test_it_mends_typos_doubles_and_gaps(coach: CoachReviser) -> None:
    assert response_of(coach, DAMAGED) == MENDED


def test_without_a_sure_reason_a_pair_stays_as_it_is(bundle: Bundle) -> None:
    unsure = CoachReviser(replace(bundle, limits=Limits({}, {EditKind.TYPO: 0.3})))
    typo = pair("We walked to the market becuase it was a warm day.")
    assert unsure.revise([typo])[0].outcome is Outcome.UNCHANGED
    twice = pair("We walked to the the market becuase it was a warm day.")
    assert unsure.revise([twice])[0].revised.response == "We walked to the market because it was a warm day."


def test_clean_text_code_and_tasks_about_form_are_left_alone(coach: CoachReviser) -> None:
    given_pairs = [
        pair(CLEAN),
        pair(DAMAGED, "Fix the spelling of this text."),
        pair("```\nteh the the code\n```"),
        pair("Die Stadt liegt an einem Fluss und hat hat zwei Brücken, aber keinen Bahnhof mehr."),
        pair("https://example.org/teh/teh and teh@example.org"),
    ]
    revisions = coach.revise(given_pairs)
    assert [revision.outcome for revision in revisions] == [Outcome.UNCHANGED] * len(given_pairs)
    assert [revision.revised for revision in revisions] == given_pairs


def test_what_a_pair_becomes_depends_on_nothing_else(coach: CoachReviser) -> None:
    long = " ".join([DAMAGED, CLEAN] * 12)
    pairs = [pair(text) for text in (DAMAGED, CLEAN, long, "Yes.", DAMAGED.upper(), f"{DAMAGED}\n\n- {DAMAGED}")]
    together = [revision.revised for revision in coach.revise(pairs)]
    alone = [coach.revise([each])[0].revised for each in pairs]
    assert together == alone
    assert coach.revise([]) == []


@given(ANY_TEXT, ANY_TEXT)
def test_garbage_is_a_revision_and_never_an_error(coach: CoachReviser, instruction: str, response: str) -> None:
    raw = InstructionPair(instruction, response, response)
    [revision] = coach.revise([raw])
    assert revision.pair_id == raw.id
    assert revision.revised == raw or revision.outcome is Outcome.REVISED


def test_revisions_carry_the_digest_and_the_engine(coach: CoachReviser, bundle: Bundle) -> None:
    [revision] = coach.revise([pair(DAMAGED)])
    assert (revision.engine, revision.adapter, revision.outcome) == ("coach", bundle.digest, Outcome.REVISED)
    assert revision.prompt_tokens > 20
    assert len(bundle.digest) == 64


def test_a_closed_engine_refuses(bundle: Bundle) -> None:
    engine = CoachReviser(bundle)
    engine.close()
    engine.close()
    with pytest.raises(EngineError, match="closed"):
        engine.revise([pair(CLEAN)])


@pytest.mark.slow
def test_the_settings_name_it() -> None:
    engine = build_reviser(load_settings(engine="coach"))
    assert engine is not None
    assert engine.name == "coach"


@pytest.mark.parametrize("name", [WEIGHTS, WORDS, CONFIG, MANIFEST])
def test_a_file_that_was_changed_or_is_gone_is_refused(tmp_path: Path, name: str) -> None:
    folder = copied(tmp_path)
    path = folder / name
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(ModelError, match=rf"{name}.*COACHLM_ENGINE=rules"):
        read_bundle(folder)
    path.unlink()
    with pytest.raises(ModelError, match=rf"{name} can't be read.*COACHLM_ENGINE=rules"):
        read_bundle(folder)


@pytest.mark.parametrize("manifest", ["[]", "{}", '{"sha256": 3}', "no json", '{"sha256": {}, "limits": {}}'])
def test_a_manifest_that_is_none_is_refused(tmp_path: Path, manifest: str) -> None:
    folder = copied(tmp_path)
    (folder / MANIFEST).write_text(manifest, encoding="utf-8")
    with pytest.raises(ModelError, match="COACHLM_ENGINE=rules"):
        read_bundle(folder)


@pytest.mark.parametrize("limits", [{"nonsense": 0.5}, {"typo": "high"}, [0.5]])
def test_limits_that_are_none_are_refused(tmp_path: Path, limits: Any) -> None:
    folder = copied(tmp_path)
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    (folder / MANIFEST).write_text(json.dumps({**manifest, "limits": limits}), encoding="utf-8")
    with pytest.raises(ModelError, match="don't fit together"):
        read_bundle(folder)


def copied(tmp_path: Path) -> Path:
    return Path(shutil.copytree(BUNDLE, tmp_path / "bundle"))


def test_it_is_small_and_said_who_made_it() -> None:
    assert sum(path.stat().st_size for path in BUNDLE.rglob("*") if path.is_file()) < 12_000_000
    card = (BUNDLE / "README.md").read_text(encoding="utf-8")
    assert all(word in card for word in ("CC BY-SA", "MIT", "Apache-2.0", "python -m benchmarks.coach"))


def test_numpy_computes_what_plain_transformers_computes() -> None:
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    model = transformers.BertForMaskedLM.from_pretrained(BUNDLE, dtype=torch.float32, use_safetensors=True).eval()
    rng, bundle = np.random.default_rng(0), read_base(BUNDLE)
    ids, types = rng.integers(1, len(bundle.lexicon), (3, 40)), rng.integers(0, TYPES, (3, 40))
    lengths = [40, 17, 1]
    mask = np.arange(40)[None, :] < np.array(lengths)[:, None]
    with torch.inference_mode():
        there = model(
            torch.from_numpy(ids), token_type_ids=torch.from_numpy(types), attention_mask=torch.from_numpy(mask).long()
        ).logits.numpy()
    here = bundle.network.states(ids, types, lengths) @ bundle.network.rows.T + bundle.network.bias
    assert np.abs(there - here)[mask].max() < 1e-3
    assert load_file(BUNDLE / WEIGHTS)["cls.predictions.bias"].dtype == np.float16
