"""Where a process shows its Prometheus metrics."""

from prometheus_client import CollectorRegistry, start_http_server

from coachlm.errors import SettingsError
from coachlm.settings import Settings


def serve_metrics(registry: CollectorRegistry, settings: Settings) -> None:
    """On the settings' address, if a port is set. Raises: SettingsError, when it is taken."""
    if not settings.worker.metrics_port:
        return
    try:
        start_http_server(settings.worker.metrics_port, settings.worker.metrics_host, registry=registry)
    except OSError as error:
        place = f"{settings.worker.metrics_host}:{settings.worker.metrics_port}"
        raise SettingsError(
            f"metrics can't be served at {place}: {error.strerror}; give every worker of this machine a "
            "COACHLM_METRICS_PORT of its own, or 0 for none"
        ) from error
