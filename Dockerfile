# syntax=docker/dockerfile:1
# One image for every service; the command names the service: `docker run kenko services.scorer`.

FROM python:3.13-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /build
RUN python -m venv /opt/build && python -m venv /opt/kenko
COPY requirements/build.txt requirements/runtime.txt requirements/
RUN /opt/build/bin/pip install --require-hashes -r requirements/build.txt \
 && /opt/kenko/bin/pip install --require-hashes --only-binary :all: -r requirements/runtime.txt
COPY pyproject.toml README.md LICENSE ./
COPY schemas schemas
COPY kenko kenko
COPY services services
COPY examples examples
RUN /opt/build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir wheels . \
 && /opt/kenko/bin/pip install --no-deps wheels/*.whl

FROM python:3.13-slim
LABEL org.opencontainers.image.title="kenko" org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/kenko /opt/kenko
# Inside a container the network is the container's own: what publishes a port decides who reaches it.
ENV PATH=/opt/kenko/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    KENKO_LOG_FORMAT=json \
    KENKO_OPS_HOST=0.0.0.0 \
    KENKO_INGEST_HOST=0.0.0.0
WORKDIR /tmp
# A number, so that Kubernetes can see that it is not root.
USER 10001:10001
# Exec form: the worker is PID 1 and gets SIGTERM itself.
ENTRYPOINT ["python", "-m"]
CMD ["kenko.cli", "--help"]
