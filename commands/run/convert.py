"""`convert`: a model as the engine `openvino` serves it."""

from dataclasses import asdict
from pathlib import Path

import click

from coachlm.coaching.model_facts import is_gguf
from coachlm.errors import ModelError
from coachlm.machine import extras
from coachlm.settings import load_settings
from commands.shared.output import answering_errors, emit_json, json_option, people, results


@click.command()
@click.argument("model")
@click.argument("output", type=click.Path(path_type=Path))
@click.option("--adapter", type=click.Path(path_type=Path), help="LoRA adapter folder to merge in.")
@click.option(
    "--int8", is_flag=True, help="Store weights as int8: a quarter of the size, faster, a little less precise."
)
@click.option("--revision", help="Commit of the hub model to convert.")
@json_option
@answering_errors
def convert(model: str, output: Path, adapter: Path | None, int8: bool, revision: str | None, as_json: bool) -> None:
    """Convert a model for the engine `openvino`.

    MODEL is a folder or hub id; an adapter is merged in; the result goes into the folder OUTPUT.

    A GGUF file becomes a folder of safetensors instead, which `coachlm train` and every engine take.

    Converting needs `make reviser` and memory for the model in float32; revising with the result needs neither.
    """
    if problem := extras.MODELS.lack("converting needs"):
        raise ModelError(problem)
    if is_gguf(model):
        if adapter is not None or int8:
            raise ModelError(
                f"{model} is a GGUF file: convert it alone first, then the folder with --adapter or --int8"
            )
        _convert_gguf(Path(model), output, as_json)
        return
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


def _convert_gguf(source: Path, output: Path, as_json: bool) -> None:
    from reviser.models.gguf_folder import convert_gguf

    made = convert_gguf(source, output)
    if as_json:
        emit_json(asdict(made) | {"folder": str(made.folder)})
        return
    template = "with a chat template" if made.has_chat_template else "without a chat template"
    results().print(
        f"{output}: safetensors in float32, {made.weights_bytes / 1e6:,.0f} MB, {template}; texts end with "
        f"{made.end_token}",
        markup=False,
    )
    people.print(f"next: coachlm train --base {output} …, or COACHLM_ENGINE=packed COACHLM_MODEL={output}")
