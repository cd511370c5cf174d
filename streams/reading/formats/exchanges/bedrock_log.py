"""Amazon Bedrock's records of calls: model invocation logs and batch inference.

Source: AWS, "Monitor model invocation using CloudWatch Logs and Amazon S3", "Process multiple prompts with batch
inference".
"""

from collections.abc import Iterator

from coachlm.pairs import RejectReason
from streams.reading.formats.exchanges.exchange import Halves, read_exchange
from streams.reading.formats.parts.fields import Record, first_of, mapping, name_of, time_of
from streams.reading.formats.parts.outcomes import Chat, EntryError, LogFormat, Outcome

_WRITING = ("Converse", "ConverseStream", "InvokeModel", "InvokeModelWithResponseStream")


def matches(record: Record) -> bool:
    if record.get("schemaType") == "ModelInvocationLog" or "modelInput" in record:
        return True
    return "inputBodyJson" in mapping(record.get("input"))


def read(record: Record) -> Iterator[Outcome]:
    if record.get("errorCode") or record.get("error"):
        raise EntryError(RejectReason.ERROR_RESPONSE, "the call failed")
    if "modelInput" in record:
        yield from read_exchange(
            Halves(record["modelInput"], record.get("modelOutput")), {"id": record.get("recordId")}
        )
        return
    operation = name_of(record, "operation")
    if operation is not None and operation not in _WRITING:
        raise EntryError(RejectReason.NOT_A_GENERATION, "the operation writes no text")
    given, answer = mapping(record.get("input")), mapping(record.get("output"))
    request = first_of(given, "inputBodyJson", "inputBody")
    if request is None and given.get("inputBodyS3Path"):
        raise EntryError(RejectReason.EMPTY, "the texts lie in a file of their own in S3")
    for outcome in read_exchange(Halves(request, first_of(answer, "outputBodyJson", "outputBody"))):
        yield _with_circumstances(outcome, record) if isinstance(outcome, Chat) else outcome


def _with_circumstances(chat: Chat, record: Record) -> Chat:
    chat.source_id = name_of(record, "requestId") or chat.source_id
    chat.timestamp = time_of(record, "timestamp") or chat.timestamp
    chat.model = name_of(record, "modelId") or chat.model
    metadata = mapping(record.get("requestMetadata"))
    chat.session_id = name_of(metadata, "sessionId", "session_id", "conversationId") or chat.session_id
    chat.user_id = name_of(metadata, "userId", "user_id") or chat.user_id
    return chat


FORMAT = LogFormat("bedrock_log", "Amazon Bedrock's invocation logs and batches", matches, read, strict=True)
