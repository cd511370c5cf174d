"""What a training run is going to take, said before its first step."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """Of a whole run, whether or not some of it is done."""

    examples: int
    epochs: int
    steps: int
    tokens: int  # of all epochs, prompts and targets
    longest: int  # tokens of the longest example
    micro_batch_tokens: int  # at once through the model
    asked_micro_batch_tokens: int
    needed_bytes: int  # with the weights; an estimate
    free_bytes: int  # beside the weights, which are loaded by now
    tokens_per_second: float  # measured on one micro batch

    @property
    def seconds(self) -> float:
        return self.tokens / self.tokens_per_second

    def lines(self) -> list[str]:
        """For people."""
        hours, minutes = divmod(round(self.seconds / 60), 60)
        time = f"{hours} h {minutes} min" if hours else f"{max(minutes, 1)} min"
        cut = self.asked_micro_batch_tokens
        fewer = f", of {cut:,} asked for: more don't fit" if self.micro_batch_tokens < cut else ""
        return [
            f"plan: {self.examples:,} examples × {self.epochs} epochs = {self.steps:,} steps, {self.tokens:,} tokens; "
            f"about {time} at {self.tokens_per_second:,.0f} tokens/s (measured just now)",
            f"      {self.micro_batch_tokens:,} tokens at once{fewer} (the longest pair has {self.longest:,}): about "
            f"{self.needed_bytes / 1e9:,.1f} GB; {self.free_bytes / 1e9:,.1f} GB are free",
        ]
