"""At a site: the one class that may run in a job, installed here by the site, never shipped.

task `answer`, request  ──▶  the sealed answer, or a code
"""

import base64
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nvflare.apis.executor import Executor
from nvflare.apis.fl_constant import ReturnCode
from nvflare.apis.shareable import Shareable, make_reply

from rwe.federate.carried import FAILED, Carried, carried
from rwe.federate.engine.wire import ANSWER, CODE, REQUEST, STUDY, TASK


class AnswerExecutor(Executor):  # type: ignore[misc]  # nvflare has no types
    def execute(self, task_name: str, shareable: Any, fl_ctx: Any, abort_signal: Any) -> Any:  # noqa: ARG002  the engine's
        found = _carried(shareable) if task_name == TASK else Carried(code=FAILED)
        if found.code:
            reply = make_reply(ReturnCode.EXECUTION_RESULT_ERROR)
            reply[CODE] = found.code
            return reply
        reply = Shareable()
        reply[ANSWER] = base64.b64encode(found.answer).decode()
        return reply


def _carried(shareable: Any) -> Carried:
    try:
        request = base64.b64decode(shareable[REQUEST], validate=True)
        return carried(Path(os.environ[STUDY]), request, now=datetime.now(UTC))
    except Exception:  # noqa: BLE001  the engine would write its text into what leaves
        return Carried(code=FAILED)
