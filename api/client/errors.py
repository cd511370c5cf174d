"""What can go wrong between the client and the service, as one tree.

    ServiceError
    ├── UnauthorisedError    401: no token, an unknown or deactivated one
    ├── ForbiddenError       403: the role or unit doesn't allow it
    ├── MissingError         404: no such pair, person or adapter
    ├── LateError            409: the lease is over or somebody else's, or the item isn't there any more
    ├── StaleError           412: the pair changed since it was read
    ├── RefusedInputError    400, 413, 415, 422: what was sent can't be taken
    ├── TooOftenError        429: wait `retry_after_seconds`
    ├── NotOfferedError      501: this installation has no such thing
    └── UnavailableError     the service can't be reached, or failed; the same call may be made again

`text_kept` says that the text which came with a refused call was kept as a draft.
"""

from api.models.problems import Problem
from coachlm.errors import CoachLMError


class ServiceError(CoachLMError):
    """The service refused or failed; `problem` is its answer, None where there was none."""

    def __init__(self, message: str, problem: Problem | None = None) -> None:
        super().__init__(message)
        self.problem = problem

    @property
    def text_kept(self) -> bool:
        return self.problem is not None and self.problem.text_kept


class UnauthorisedError(ServiceError):
    """No token, or one that isn't known (any more)."""


class ForbiddenError(ServiceError):
    """The role or unit doesn't allow it."""


class MissingError(ServiceError):
    """No such pair, person or adapter."""


class LateError(ServiceError):
    """The lease is over or somebody else's, or the thing has moved on; a text that came with it was kept."""


class StaleError(ServiceError):
    """The pair changed since it was read: load it again; a text that came with it was kept."""


class RefusedInputError(ServiceError):
    """What was sent can't be taken; `problem.errors` names the fields."""


class TooOftenError(ServiceError):
    """Too many calls; `problem.retry_after_seconds` says how long to wait."""


class NotOfferedError(ServiceError):
    """This installation has no such thing."""


class UnavailableError(ServiceError):
    """The service can't be reached, or failed; the same call may be made again."""


_BY_STATUS: dict[int, type[ServiceError]] = {
    400: RefusedInputError,
    401: UnauthorisedError,
    403: ForbiddenError,
    404: MissingError,
    409: LateError,
    412: StaleError,
    413: RefusedInputError,
    415: RefusedInputError,
    422: RefusedInputError,
    429: TooOftenError,
    501: NotOfferedError,
}


def service_error(status: int, problem: Problem | None) -> ServiceError:
    """The error for an answer that is not a success."""
    kind = _BY_STATUS.get(status, UnavailableError if status >= 500 else ServiceError)
    if problem is None:
        return kind(f"the service answered {status} without saying why; check that its address is CoachLM's")
    fields = "".join(f"; {error.where}: {error.message}" for error in problem.errors)
    return kind(f"{problem.detail}{fields}", problem)
