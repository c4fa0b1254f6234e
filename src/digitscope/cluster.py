"""Ray: a small one on this machine, or a cluster that is there already.

Connections to Ray need a token; usage reports and log output are off. A local Ray listens only on the loopback
interface and ends with the block. It creates its own token unless the environment names one.
"""

import os
import secrets
import shutil
import socket
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from digitscope.errors import ClusterError

OBJECT_STORE = 256 * 2**20
"""Bytes of shared memory that a Ray on this machine may take; what does not fit goes to disk."""

NODE_WORDS = ("auto", "HOST:PORT")


@contextmanager
def connected(address: str | None, cores: int) -> Iterator[Any]:
    """Yield the module `ray`, connected to the cluster at `address`, or with None to one that starts here.

    Args:
        address: "auto" or HOST:PORT of a cluster that this machine belongs to. If it needs a token, set
            RAY_AUTH_TOKEN.
        cores: of this machine, for a local Ray.

    Raises:
        ModuleNotFoundError: Ray is not installed.
        ClusterError: there is no cluster at `address`, or it cannot be used.
    """
    ray = load_ray(address)
    if address not in (None, "auto"):  # Ray tries an address for minutes, this for seconds
        host, _, port = str(address).rpartition(":")
        try:
            socket.create_connection((host, int(port)), timeout=10).close()
        except (OSError, ValueError, OverflowError) as error:
            raise ClusterError(_refusal(address, error)) from None
    where: dict[str, Any] = {"address": address or "local"}
    if address is None:
        where |= {"num_cpus": cores, "include_dashboard": False, "object_store_memory": OBJECT_STORE}
        where["_node_ip_address"] = "127.0.0.1"
    try:
        with warnings.catch_warnings(action="ignore"):  # tips of Ray's for the programmer
            context = ray.init(log_to_driver=False, logging_level="ERROR", configure_logging=False, **where)
    except (OSError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        raise ClusterError(_refusal(address, error)) from None
    try:
        yield ray
    finally:
        ray.shutdown()
        if address is None:
            shutil.rmtree(context.address_info["session_dir"], ignore_errors=True)  # Ray's logs of this call


def load_ray(address: str | None) -> Any:
    """Return the module `ray`, loaded with the environment that a Ray at `address` needs; see `connected`.

    Raises:
        ModuleNotFoundError: Ray is not installed.
        ClusterError: `address` is none that can be connected to.
    """
    if address is not None and "://" in address:
        raise ClusterError(f"Ray at {address}: expected {' or '.join(NODE_WORDS)}, on a machine of the cluster")
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    if address is None:
        os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"  # whatever the system: loopback, and nothing else
        os.environ.setdefault("RAY_AUTH_MODE", "token")
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))  # else Ray writes one into the home folder
    ray = import_module("ray")
    # Ray tells of a worker that is lost on standard output, among results, and knows no other way to be silent.
    worker: Any = import_module("ray._private.worker")
    worker._worker_logs_enabled = False
    return ray


def n_cores(ray: Any) -> int:
    """Return the cores of all machines that are in the cluster now, at least 1."""
    return max(1, int(ray.cluster_resources().get("CPU", 0)))


def _refusal(address: str | None, error: Exception) -> str:
    reason = str(error).strip().split("\n")[0]
    if address is None:
        return f"Ray does not start on this machine ({reason}): use --engine local"
    return f"Ray at {address}: no cluster that can be used from here ({reason}): see `ray status` on this machine"
