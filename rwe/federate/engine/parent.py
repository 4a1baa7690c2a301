"""At a site's own process, which starts one for each job: what is checked before, and tidied after."""

from pathlib import Path
from typing import Any

from nvflare.apis.app_validation import AppValidator
from nvflare.apis.event_type import EventType
from nvflare.apis.fl_component import FLComponent
from nvflare.apis.fl_constant import FLContextKey
from nvflare.fuel.utils.config import ConfigFormat
from nvflare.fuel.utils.config_factory import ConfigFactory

from rwe.federate.engine.admission import refused
from rwe.federate.engine.jobs import tidy


class RequestsOnly(AppValidator):  # type: ignore[misc]  # nvflare has no types
    def __init__(self) -> None:
        """Made as the engine starts.  Its own check comes before ours and reads any form that it has a reader
        for, among them HOCON, which fetches the files and addresses that it includes: JSON is left."""
        readers = ConfigFactory._fmt2Loader
        for form in {*readers} - {ConfigFormat.JSON}:
            del readers[form]

    def validate(self, app_folder: str) -> tuple[str, dict[str, Any]]:
        return refused(Path(app_folder)), {}


class Tidying(FLComponent):  # type: ignore[misc]  # nvflare has no types
    def handle_event(self, event_type: str, fl_ctx: Any) -> None:
        if event_type == EventType.JOB_COMPLETED:
            tidy(Path(fl_ctx.get_prop(FLContextKey.WORKSPACE_ROOT)))
