"""The kinds of change experts make to a pair. Source: paper Table IV."""

from enum import StrEnum


class RevisionCategory(StrEnum):
    """One row of Table IV; the comment gives the dimensions it serves."""

    INSTRUCTION_LANGUAGE = "instruction_language"  # readability: language and layout made clear and correct
    INSTRUCTION_FEASIBILITY = "instruction_feasibility"  # feasibility: infeasible or ambiguous parts rewritten
    INSTRUCTION_CONTEXT = "instruction_context"  # contextualization: context, requirements, examples added
    RESPONSE_EXPANSION = "response_expansion"  # comprehensiveness, richness: angles, explanations, reasoning
    RESPONSE_REWRITE = "response_rewrite"  # relevance, readability, correctness: fluent, relevant, consistent
    RESPONSE_LAYOUT_TONE = "response_layout_tone"  # readability, humanization: layout clear, tone personal
    RESPONSE_FACTS = "response_facts"  # correctness: miscalculations, factual mistakes
    RESPONSE_OTHER = "response_other"  # safety and complex creative revisions


PAPER_SHARES: dict[RevisionCategory, float] = {
    RevisionCategory.INSTRUCTION_LANGUAGE: 0.681,
    RevisionCategory.INSTRUCTION_FEASIBILITY: 0.249,
    RevisionCategory.INSTRUCTION_CONTEXT: 0.070,
    RevisionCategory.RESPONSE_EXPANSION: 0.437,
    RevisionCategory.RESPONSE_REWRITE: 0.245,
    RevisionCategory.RESPONSE_LAYOUT_TONE: 0.233,
    RevisionCategory.RESPONSE_FACTS: 0.067,
    RevisionCategory.RESPONSE_OTHER: 0.019,
}
"""Share of the 1,079 revised instructions and of the 2,301 revised responses. Source: paper Table IV."""
