# The project in a container, for deployments that build images. `make up` and `make demo` do not use it.
# A tag may move: `make lock-image` writes the digest that it has now behind it.
FROM apache/airflow:3.3.2-python3.11

SHELL ["/bin/bash", "-o", "pipefail", "-c"]
USER 0
COPY packages.txt /tmp/packages.txt
RUN if grep -qv '^#' /tmp/packages.txt; then \
        apt-get update && grep -v '^#' /tmp/packages.txt | xargs apt-get install -y --no-install-recommends && \
        rm -rf /var/lib/apt/lists/*; \
    fi

# The image's user `airflow`.
USER 50000
# Celery and its provider are only for the CeleryExecutor; the image has the KubernetesExecutor's.
COPY requirements.txt requirements-build.txt requirements-cluster.txt /tmp/
RUN pip install --no-cache-dir --require-hashes -r /tmp/requirements.txt && \
    pip install --no-cache-dir --require-hashes -r /tmp/requirements-build.txt && \
    pip install --no-cache-dir --no-deps --require-hashes -r /tmp/requirements-cluster.txt

# As a wheel: only an installed package registers its plugins and the command `sluice`.
COPY --chown=50000:0 pyproject.toml /tmp/sluice/
COPY --chown=50000:0 src /tmp/sluice/src
RUN pip install --no-cache-dir --no-deps --no-build-isolation /tmp/sluice

COPY --chown=50000:0 dags /opt/airflow/dags
COPY --chown=50000:0 include /opt/airflow/include
ENV SLUICE_HOME=/opt/airflow
# All exports are one DAG file, which Airflow by itself gives 30 s and 50 s.
ENV AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT=600 AIRFLOW__DAG_PROCESSOR__DAG_FILE_PROCESSOR_TIMEOUT=660
