# syntax=docker/dockerfile:1
# Two images: `run` for everything that needs no model (workers, service, pages, jobs), `reviser` with torch for the
# workers that revise with a model. Build: docker build --target run -t coachlm:run .
FROM python:3.11.13-slim-bookworm AS base
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN useradd --system --uid 10001 --user-group --home-dir /data --create-home coachlm
WORKDIR /app

FROM base AS run-packages
COPY requirements/service.txt requirements/
RUN python -m venv /venv && pip install --require-hashes -r requirements/service.txt
COPY . .
RUN pip install --no-deps --no-build-isolation -e . && python -m compileall -q /app

FROM base AS reviser-packages
COPY requirements/service-reviser.txt requirements/
RUN python -m venv /venv && pip install --require-hashes -r requirements/service-reviser.txt
COPY . .
RUN pip install --no-deps --no-build-isolation -e . && python -m compileall -q /app

FROM base AS run
COPY --from=run-packages /venv /venv
COPY --from=run-packages /app /app
USER 10001
ENTRYPOINT ["coachlm"]
CMD ["--help"]
# HEALTH_URL says where the process answers; jobs that end by themselves set none.
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=4 CMD ["python", "/app/deploy/healthy.py"]

FROM base AS reviser
ENV HF_HOME=/data/models
COPY --from=reviser-packages /venv /venv
COPY --from=reviser-packages /app /app
USER 10001
ENTRYPOINT ["coachlm"]
CMD ["--help"]
# Loading a model takes minutes.
HEALTHCHECK --interval=15s --timeout=5s --start-period=600s --retries=4 CMD ["python", "/app/deploy/healthy.py"]
