"""Prints the pods that the KubernetesExecutor asks Kubernetes for, as JSON in the last line: a process of its own, that
has its packages on PYTHONPATH and Airflow's configuration in its environment.

    python make_pods.py '[["export__people", "upload", 3]]'
"""

from __future__ import annotations

import json
import sys
from pathlib import PurePosixPath
from queue import Queue
from uuid import UUID

from airflow.executors.workloads.base import BundleInfo
from airflow.executors.workloads.task import ExecuteTask, TaskInstanceDTO
from airflow.providers.cncf.kubernetes.executors.kubernetes_executor_types import KubernetesJob
from airflow.providers.cncf.kubernetes.executors.kubernetes_executor_utils import AirflowKubernetesScheduler
from airflow.providers.cncf.kubernetes.kube_config import KubeConfig
from kubernetes.client import CoreV1Api

SOME = UUID("0192e8a4-0000-7000-8000-000000000001")


class Executor(AirflowKubernetesScheduler):
    """The executor's part that makes pods, without processes that watch a cluster."""

    def _make_kube_watchers(self) -> dict[str, object]:
        return {}


def workload(dag_id: str, task_id: str, map_index: int) -> ExecuteTask:
    """What the scheduler hands to the executor for one task."""
    ti = TaskInstanceDTO(
        id=SOME,
        dag_version_id=SOME,
        dag_id=dag_id,
        task_id=task_id,
        run_id="manual__2026-03-09T04:05:00+00:00",
        try_number=1,
        map_index=map_index,
        queue="default",
        pool_slots=1,
        priority_weight=1,
    )
    bundle = BundleInfo(name="dags-folder", version=None)
    return ExecuteTask(
        ti=ti, dag_rel_path=PurePosixPath("sluice.py"), bundle_info=bundle, token="token", log_path="a.log"
    )


def main() -> None:
    client = CoreV1Api()
    executor = Executor(KubeConfig(), Queue(), client, scheduler_job_id="1")
    made = []
    for task in json.loads(sys.argv[1]):
        one = workload(*task)
        pod = executor._build_pod_request(KubernetesJob(one.ti.key, [one], None, None))
        made.append(client.api_client.sanitize_for_serialization(pod))
    print(json.dumps(made))


if __name__ == "__main__":
    main()
