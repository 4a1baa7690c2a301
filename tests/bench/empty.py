"""A job of NVFlare that does nothing: one task to each site, which answers it at once."""

from nvflare.apis.controller_spec import Task
from nvflare.apis.executor import Executor
from nvflare.apis.fl_constant import ReturnCode
from nvflare.apis.impl.controller import Controller
from nvflare.apis.shareable import Shareable, make_reply

TASK = "nothing"


class Nothing(Executor):
    def execute(self, task_name, shareable, fl_ctx, abort_signal):
        return make_reply(ReturnCode.OK)


class AskNothing(Controller):
    def start_controller(self, fl_ctx):
        pass

    def stop_controller(self, fl_ctx):
        pass

    def process_result_of_unknown_task(self, *_):
        pass

    def control_flow(self, abort_signal, fl_ctx):
        sites = len(self._engine.get_clients())
        task = Task(name=TASK, data=Shareable(), timeout=600)
        self.broadcast_and_wait(task, fl_ctx, min_responses=sites, abort_signal=abort_signal)
