"""At the coordinator's server: ask each named site that is connected, once, and keep what comes.

request  ──▶  answers/SITE.sealed and answers/outcome.json, in the job's own folder

It opens nothing: a job that has finished is not a request that was answered.
"""

import base64
import json
from pathlib import Path
from typing import Any

from nvflare.apis.controller_spec import Task
from nvflare.apis.fl_constant import ReturnCode
from nvflare.apis.impl.controller import Controller
from nvflare.apis.shareable import Shareable

from rwe.federate.engine.wire import ANSWER, CODE, REQUEST, TASK

FOLDER, OUTCOME = "answers", "outcome.json"
SILENT, FAILED, ANSWERED = "silent", "failed", "answered"


class AskController(Controller):  # type: ignore[misc]  # nvflare has no types
    def __init__(self, brought: dict[str, str], timeout: int) -> None:
        """brought: what each site is asked with, in Base64.  timeout: seconds."""
        super().__init__()
        self.brought, self.timeout = brought, timeout

    def start_controller(self, fl_ctx: Any) -> None:
        pass

    def stop_controller(self, fl_ctx: Any) -> None:
        pass

    def process_result_of_unknown_task(self, *_: Any) -> None:
        """Of a site that answers after its time: it is silent."""

    def control_flow(self, abort_signal: Any, fl_ctx: Any) -> None:
        folder = Path(self._engine.get_workspace().get_run_dir(fl_ctx.get_job_id())) / FOLDER
        folder.mkdir()
        outcome = dict.fromkeys(self.brought, SILENT)

        def came(client_task: Any, fl_ctx: Any) -> None:  # noqa: ARG001  called by these names
            site, result = client_task.client.name, client_task.result
            outcome[site] = _kept(folder, site, result)

        tasks = []
        for site in (client.name for client in self._engine.get_clients() if client.name in outcome):
            data = Shareable()
            data[REQUEST] = self.brought[site]
            tasks.append(Task(name=TASK, data=data, timeout=self.timeout, result_received_cb=came))
            self.broadcast(tasks[-1], fl_ctx, targets=[site], min_responses=1)
        for task in tasks:
            self.communicator.wait_for_task(task, abort_signal)
        (folder / OUTCOME).write_text(json.dumps(outcome), encoding="utf-8")


def _kept(folder: Path, site: str, result: Any) -> str:
    if result.get_return_code() != ReturnCode.OK:
        return str(result.get(CODE, FAILED))
    try:
        (folder / f"{site}.sealed").write_bytes(base64.b64decode(result[ANSWER], validate=True))
    except (KeyError, TypeError, ValueError):
        return FAILED
    return ANSWERED
