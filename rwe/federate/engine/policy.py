"""What the engine may do here: settings that we write ourselves at each start, whatever a kit says.

A kit comes from the coordinator, so a site takes its certificates and the address from it and nothing else.
No code shipped with a job, no file of its own, no class but ours, no job without the coordinator's signature,
no log or file that goes anywhere, no shell.
"""

from typing import Any

from rwe.federate.engine.wire import TASK

EXECUTOR = "rwe.federate.engine.site.AnswerExecutor"
CONTROLLER = "rwe.federate.engine.coordinator.AskController"
ADMISSION = "rwe.federate.engine.parent.RequestsOnly"
TIDYING = "rwe.federate.engine.parent.Tidying"
CLIENT_CONFIG, SERVER_CONFIG = "config_fed_client.json", "config_fed_server.json"
LEAD = "lead"
"""The role of the coordinator's certificate; no other is made, and none has a right."""

# The engine adds these two to every job, and ends it where they may not be built; both then find
# that streaming is not allowed.
STREAMER = "nvflare.app_common.logging.job_log_streamer.JobLogStreamer"
RECEIVER = "nvflare.app_common.logging.job_log_receiver.JobLogReceiver"

RIGHTS = (
    *("submit_job", "clone_job", "manage_job", "download_job", "view", "operate", "shell_commands", "byoc"),
    "server-predeployed-flwr",
)
AT_SITE = {"submit_job": "any"}
AT_COORDINATOR = {
    "submit_job": "any",
    "view": "any",
    "download_job": "n:submitter",
    "manage_job": "n:submitter",
}

_APP, _APIS = "nvflare.app_common.", "nvflare.apis.impl."


def permissions(granted: dict[str, str]) -> dict[str, Any]:
    """authorization.json."""
    rights = {right: granted.get(right, "none") for right in RIGHTS}
    return {"format_version": "1.0", "permissions": {LEAD: rights}}


def site_job() -> dict[str, Any]:
    """What a site runs in a job: the coordinator writes it, and the site lets in no other."""
    answer = {"tasks": [TASK], "executor": {"path": EXECUTOR, "args": {}}}
    return {"format_version": 2, "components": [], "executors": [answer]}


def site_resources() -> dict[str, Any]:
    return {
        **_classes(EXECUTOR, STREAMER),
        "app_validator": {"path": ADMISSION, "args": {}},
        "client": {"retry_timeout": 30, "compression": "Gzip"},
        "components": [
            _part("resource_manager", "resource_managers.gpu_resource_manager.GPUResourceManager")
            | {"args": {"num_of_gpus": 0, "mem_per_gpu_in_GiB": 0}},
            _part("resource_consumer", "resource_consumers.gpu_resource_consumer.GPUResourceConsumer"),
            _part("process_launcher", "job_launcher.client_process_launcher.ClientProcessJobLauncher"),
            {"id": "tidying", "path": TIDYING, "args": {}},
        ],
    }


def coordinator_resources(storage: str) -> dict[str, Any]:
    """storage: a folder of this federation alone; the engine's own choice is one for all of a computer."""
    files = "nvflare.app_common.storages.filesystem_storage.FilesystemStorage"
    kept = {"path": files, "args": {"root_dir": f"{storage}/snapshots", "uri_root": "/"}}
    jobs = {"uri_root": f"{storage}/jobs", "job_store_id": "job_store"}
    return {
        **_classes(CONTROLLER, RECEIVER),
        "servers": [
            {
                "admin_storage": "transfer",
                "max_num_clients": 1000,
                "heart_beat_timeout": 600,
                "admin_timeout": 10.0,
            }
        ],
        "snapshot_persistor": {
            "path": f"{_APP}state_persistors.storage_state_persistor.StorageStatePersistor",
            "args": {"uri_root": "/", "storage": kept},
        },
        "components": [
            _part("job_scheduler", "job_schedulers.job_scheduler.DefaultJobScheduler")
            | {"args": {"max_jobs": 1}},
            {
                "id": "job_manager",
                "path": "nvflare.apis.impl.job_def_manager.SimpleJobDefManager",
                "args": jobs,
            },
            {"id": "job_store", "path": files},
            _part("process_launcher", "job_launcher.server_process_launcher.ServerProcessJobLauncher"),
            _part("log_receiver", "logging.job_log_receiver.JobLogReceiver"),
        ],
    }


def logging() -> dict[str, Any]:
    """Warnings to the terminal, the rest into files of this computer."""
    plain = {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"plain": plain},
        "handlers": {
            "consoleHandler": {
                "class": "logging.StreamHandler",
                "level": "WARNING",
                "formatter": "plain",
                "stream": "ext://sys.stderr",
            },
            "logFileHandler": {
                "class": "logging.handlers.RotatingFileHandler",
                "level": "INFO",
                "formatter": "plain",
                "filename": "log.txt",
                "mode": "a",
                "maxBytes": 5_000_000,
                "backupCount": 3,
            },
        },
        "loggers": {"root": {"level": "INFO", "handlers": ["consoleHandler", "logFileHandler"]}},
    }


def org(name: str) -> str:
    """Of a participant: an organisation's name has no hyphen."""
    return name.replace("-", "_")


def _classes(*paths: str) -> dict[str, Any]:
    return {
        "format_version": 2,
        "class_list_enforcement_mode": "enforce",
        "class_allow_list": [*paths],
        "allow_log_streaming": False,
    }


def _part(name: str, path: str) -> dict[str, Any]:
    return {"id": name, "path": _APP + path, "args": {}}
