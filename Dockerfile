# The project in a container, for deployments that build images. `make up` and `make demo` do not use it.
# A tag may move: `make lock-image` writes the digest that it has now behind it.
FROM apache/airflow:3.3.2-python3.11

USER root
COPY packages.txt /tmp/packages.txt
RUN if grep -qv '^#' /tmp/packages.txt; then \
        apt-get update && grep -v '^#' /tmp/packages.txt | xargs apt-get install -y --no-install-recommends && \
        rm -rf /var/lib/apt/lists/*; \
    fi

USER airflow
COPY requirements.txt /tmp/requirements.txt
RUN pip install --no-cache-dir --require-hashes -r /tmp/requirements.txt

COPY --chown=airflow:root dags /opt/airflow/dags
COPY --chown=airflow:root include /opt/airflow/include
COPY --chown=airflow:root src /opt/airflow/src
ENV PYTHONPATH=/opt/airflow/src SLUICE_HOME=/opt/airflow
# The command `sluice`, which error pages name.
RUN printf '#!/bin/sh\nexec python -m sluice.cli "$@"\n' > /home/airflow/.local/bin/sluice && \
    chmod +x /home/airflow/.local/bin/sluice
# All exports are one DAG file, which Airflow by itself gives 30 s and 50 s.
ENV AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT=600 AIRFLOW__DAG_PROCESSOR__DAG_FILE_PROCESSOR_TIMEOUT=660
