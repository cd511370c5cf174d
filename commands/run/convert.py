"""`convert`: a model as the engine `openvino` serves it."""

from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path

import click

from coachlm.errors import ModelError
from coachlm.settings import load_settings
from commands.shared.output import answering_errors, emit_json, json_option, people, results


@click.command()
@click.argument("model")
@click.argument("output", type=click.Path(path_type=Path))
@click.option("--adapter", type=click.Path(path_type=Path), help="LoRA adapter folder to merge in.")
@click.option("--int8", is_flag=True, help="Weights in int8: a quarter of the size, faster, a little less precise.")
@click.option("--revision", help="Commit of a hub model; pins what is converted.")
@json_option
@answering_errors
def convert(model: str, output: Path, adapter: Path | None, int8: bool, revision: str | None, as_json: bool) -> None:
    """Convert MODEL, a folder or hub id, for the engine `openvino`, with an adapter merged in, into the folder OUTPUT.

    Converting needs `make reviser` and memory for the model in float32; revising with the result needs neither.
    """
    if missing := [package for package in ("torch", "transformers", "peft") if find_spec(package) is None]:
        raise ModelError(f"converting needs {', '.join(missing)}: run `make reviser` in the checkout")
    from reviser.models.adapter import read_adapter
    from reviser.openvino.conversion import convert as convert_model

    settings = load_settings(model_revision=revision)
    made = convert_model(
        model,
        output,
        revision=settings.reviser.model_revision,
        trust_remote_code=settings.reviser.trust_remote_code,
        adapter=None if adapter is None else read_adapter(adapter),
        int8=int8,
    )
    manifest = made.manifest
    if as_json:
        emit_json({"folder": str(output), **asdict(manifest)})
        return
    merged = f", adapter {manifest.adapter[:12]} merged in" if manifest.adapter else ""
    results().print(
        f"{output}: {manifest.numbers}{merged}, {manifest.weights_bytes / 1e6:,.0f} MB; log likelihoods on a coach "
        f"prompt {manifest.probe_error:.2g} from the original's"
    )
    people.print(f"next: COACHLM_ENGINE=openvino COACHLM_MODEL={output} coachlm revise")
