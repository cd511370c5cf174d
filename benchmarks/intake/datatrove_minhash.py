"""datatrove's own length filter and four-stage MinHash over a JSON-lines file of `{"text": …}`.

Usage: python -m benchmarks.intake.datatrove_minhash INPUT_FOLDER WORK_FOLDER
"""

import sys
from pathlib import Path

from datatrove.executor.local import LocalPipelineExecutor
from datatrove.pipeline.dedup import MinhashDedupCluster, MinhashDedupFilter, MinhashDedupSignature
from datatrove.pipeline.dedup.minhash import MinhashConfig, MinhashDedupBuckets
from datatrove.pipeline.filters import LambdaFilter
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.writers.jsonl import JsonlWriter
from datatrove.utils.hashing import HashConfig


def main(source: str, work: Path) -> None:
    # sha1: its xxhash path hands over text where today's xxhash wants bytes.
    config = MinhashConfig(n_grams=3, num_buckets=16, hashes_per_bucket=8, hash_config=HashConfig(hash_fc="sha1"))
    signatures, buckets, clusters = (str(work / name) for name in ("signatures", "buckets", "clusters"))
    length = LambdaFilter(lambda document: 20 <= len(document.text) <= 32_000)
    stages = [
        [JsonlReader(source), length, MinhashDedupSignature(signatures, config=config)],
        [MinhashDedupBuckets(signatures, buckets, config=config)],
        [MinhashDedupCluster(buckets, clusters, config=config)],
        [JsonlReader(source), length, MinhashDedupFilter(clusters), JsonlWriter(str(work / "kept"))],
    ]
    for number, pipeline in enumerate(stages):
        tasks = config.num_buckets if number == 1 else 1
        LocalPipelineExecutor(pipeline, tasks=tasks, workers=1, logging_dir=str(work / f"log{number}")).run()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
