"""Trials as tasks on a Ray cluster: each on one core of some machine."""

from collections import Counter, deque
from collections.abc import Iterator, Sequence
from queue import SimpleQueue
from threading import Thread
from typing import Any

from digitscope.cluster import n_cores
from digitscope.errors import ClusterError
from digitscope.experiments.sweep.engine import (
    Begun,
    EpochDone,
    Event,
    Failed,
    Finished,
    Lost,
    attempt,
    in_one_line,
)
from digitscope.experiments.sweep.trials import Trial, TrialData, TrialRecord
from digitscope.records import EpochRecord

MOST_LOSSES = 3
"""Restarts of a trial whose process is lost; without a limit, one that always crashes would never end."""

Message = EpochRecord | TrialRecord | str | None
"""A message of a task: None when it begins, then epochs, then its record or why it crashed."""


class RayEngine:
    """Tasks on the cluster that `ray` is connected to, at most twice as many at once as it has cores.

    Each machine needs digitscope with the same version of it and of PyTorch, and Optuna for "tpe". A trial has one
    core, on a cluster of any size, so that its result does not depend on that; more only if the recipe's setting
    `threads` says so. With the device "cuda" it has a GPU of its own, with "auto" none.

    Raises:
        ClusterError: the device is "cuda" and no machine has one.
    """

    cores = 1

    def __init__(self, ray: Any, data: TrialData) -> None:
        self._ray = ray
        self._n_gpus = int(data.device == "cuda")
        if self._n_gpus and not ray.cluster_resources().get("GPU"):
            raise ClusterError("device is 'cuda', but no machine of the Ray cluster has one: pass auto or cpu")
        self._data = ray.put(data)
        self._task = ray.remote(num_returns="streaming", max_retries=0)(_train)

    def run(self, trials: Sequence[Trial], /) -> Iterator[Event]:
        """Run `trials`, and yield what happens. One whose machine or process is lost is begun anew."""
        waiting, running = deque(trials), dict[Any, Trial]()
        losses: Counter[tuple[Any, ...]] = Counter()
        while waiting or running:
            while waiting and len(running) < 2 * n_cores(self._ray):  # machines may join at any time
                trial = waiting.popleft()
                most = max(node["Resources"].get("CPU", 0) for node in self._ray.nodes() if node["Alive"])
                task = self._task.options(num_cpus=min(trial.threads, most), num_gpus=self._n_gpus)
                running[task.remote(trial, self._data)] = trial
            (stream, *_), _ = self._ray.wait([*running], num_returns=1)
            event = self._receive(running[stream], stream)
            if isinstance(event, Lost):
                losses[event.trial.key] += 1
                if losses[event.trial.key] > MOST_LOSSES:
                    event = Failed(event.trial, f"it was lost {MOST_LOSSES + 1} times: {event.reason}")
                else:
                    waiting.appendleft(event.trial)
            if isinstance(event, Lost | Failed | Finished):
                del running[stream]
            yield event

    def _receive(self, trial: Trial, stream: Any) -> Event:
        """Return what the `stream` of a trial has next."""
        message: Message
        try:
            message = self._ray.get(next(stream))
        except self._ray.exceptions.RayTaskError as error:  # on a machine without digitscope, for example
            message = in_one_line(error.cause or error)
        except self._ray.exceptions.RayError as error:
            return Lost(trial, in_one_line(error))
        match message:
            case None:
                return Begun(trial)
            case EpochRecord():
                return EpochDone(trial, message)
            case TrialRecord():
                return Finished(trial, message)
        return Failed(trial, message)


def _train(trial: Trial, data: TrialData) -> Iterator[Message]:
    """Run a trial in a thread of its own, and yield what it tells as soon as it does."""
    messages: SimpleQueue[Message] = SimpleQueue()
    Thread(target=lambda: messages.put(attempt(trial, data, messages.put)), daemon=True).start()
    yield None
    while isinstance(message := messages.get(), EpochRecord):
        yield message
    yield message
