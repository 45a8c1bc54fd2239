# The receiver as a container image: the locked dependencies and our wheel, on Debian's own Python.
#
#     docker build -t rdv-receiver .
#
# Debian's Python rather than the `python` image: the same 3.11 that the tests run on, with Debian's security updates,
# and neither pip nor a second interpreter in the result. Another registry, or an image that already knows the
# house's certificate authority and package mirrors: --build-arg BASE=registry.example/debian:bookworm-slim
# One image and no other: --build-arg BASE=debian:bookworm-slim@sha256:... (`docker buildx imagetools inspect` shows it)
ARG BASE=debian:bookworm-slim

FROM ${BASE} AS build

# Versions stay open: Debian removes a package from its mirrors as soon as a security update replaces it.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends python3 python3-venv \
 && rm -rf /var/lib/apt/lists/*

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_NO_COMPILE=1 \
    PIP_ROOT_USER_ACTION=ignore

# The environment that is shipped has no pip of its own: one beside it fills it.
RUN python3 -m venv /build/tools \
 && python3 -m venv --without-pip /opt/rdv-receiver
WORKDIR /build

# The locks before the source: a change of the source then downloads nothing. Wheels only: nothing is compiled here.
# setuptools builds our own wheel.
COPY requirements.lock requirements-build.lock ./
RUN /build/tools/bin/pip --python /opt/rdv-receiver/bin/python install \
      --require-hashes --only-binary :all: --requirement requirements.lock \
 && /build/tools/bin/pip install --require-hashes --only-binary :all: --requirement requirements-build.lock

COPY pyproject.toml README.md LICENSE ./
COPY connectors connectors
COPY receiver receiver
# Bytecode is made here, since nothing can be written there; `unchecked`: no file is looked at twice at a start.
RUN /build/tools/bin/pip wheel --no-deps --no-index --no-build-isolation --wheel-dir dist . \
 && /build/tools/bin/pip --python /opt/rdv-receiver/bin/python install --no-deps --no-index dist/*.whl \
 && /opt/rdv-receiver/bin/python -m compileall -q --invalidation-mode unchecked-hash /opt/rdv-receiver/lib


FROM ${BASE}

# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends python3 \
 && rm -rf /var/lib/apt/lists/* \
 && groupadd --system --gid 10001 rdv-receiver \
 && useradd --system --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/rdv-receiver \
      --shell /usr/sbin/nologin rdv-receiver \
 && install --directory --mode 0755 /etc/rdv-receiver \
 && install --directory --owner 10001 --group 10001 --mode 0750 /var/lib/rdv-receiver /var/lib/rdv-receiver-marker

COPY --from=build /opt/rdv-receiver /opt/rdv-receiver

ENV PATH=/opt/rdv-receiver/bin:/usr/local/bin:/usr/bin:/bin \
    LANG=C.UTF-8 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1

LABEL org.opencontainers.image.title="rdv-receiver" \
      org.opencontainers.image.description="Receives the signed webhooks of RDV Service Public and writes redacted entries into Exchange calendars." \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="MIT"

# By number: Kubernetes' runAsNonRoot cannot judge a name.
USER 10001:10001
WORKDIR /var/lib/rdv-receiver

# State lives in /var/lib/rdv-receiver, the marker of its database in /var/lib/rdv-receiver-marker, and nothing elsewhere.
# No VOLUME: without a named one, an anonymous volume would take the state and lose it with the container. The root file
# system may be read-only; /tmp is all that is written beside.
EXPOSE 8080
STOPSIGNAL SIGTERM

# The web server answers; /readyz says whether it is also of use. Past any proxy of the environment.
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
  CMD ["python", "-c", "from urllib.request import ProxyHandler, build_opener as opener; opener(ProxyHandler({})).open('http://127.0.0.1:8080/healthz', timeout=4)"]

ENTRYPOINT ["rdv-receiver"]
CMD ["run"]
