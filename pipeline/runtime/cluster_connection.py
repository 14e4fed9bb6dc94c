"""Joining a Ray cluster, and one sentence for each way in which that fails.

Ray is imported where a cluster is asked for, and only there.
"""

from __future__ import annotations

import logging
import os
import platform
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from pipeline.runtime.errors import UserError, first_line, last_line
from pipeline.runtime.messages import _

LOOPBACK = "127.0.0.1"  # a cluster that the script starts itself answers nobody else
ANSWERS_WITHIN = 10  # seconds, a cluster that runs
VERSIONS = re.compile(r"Ray: (\S+)\s+Python: (\S+)")  # in what Ray says where they differ: the cluster's, this script's
DIED_AT_ITS_START = re.compile(r"Starting Ray client server failed|Proxy failed to Connect|psutil\.")  # see `_init`
OBJECT_STORE = 1 << 30  # bytes of shared memory for tasks and results on the way, many times what is in flight
LOOPBACK_ALONE = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}  # else Ray takes the machine's address for 127.0.0.1
QUIET_ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",  # Ray reports to its makers unless told not to
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # its future behaviour, which it otherwise announces each time
    "RAY_DISABLE_IMPORT_WARNING": "1",
    "RAY_LOGGER_LEVEL": "critical",
    "RAY_ENABLE_AUTO_CONNECT": "0",  # else a call after the connection is lost starts a cluster of its own
}


def require_cluster(cluster: str | None) -> None:
    """Raise UserError, before the long work of a script, where `cluster` does not answer or Ray is not installed."""
    if cluster:
        Connection(cluster).require_answer()


@contextmanager
def on_a_machine_of(cluster: str) -> Iterator[None]:
    """Says in a UserError on which machine it arose: the user would look for the fault on their own."""
    try:
        yield
    except UserError as error:
        raise UserError(
            _("On the machine {machine} of the cluster {cluster}: {reason}").format(
                machine=platform.node(), cluster=cluster, reason=error
            )
        ) from None


class Connection:
    """This script's connection to `cluster`: `local`, `auto` or `ray://HOST:10001`, see `ClusterWorkers`.

    `ray` is Ray itself, once `require_answer` has imported it.
    """

    def __init__(self, cluster: str):
        self.cluster = cluster

    def require_answer(self) -> None:
        """Raises UserError as `require_cluster`."""
        self.ray = _import_ray(LOOPBACK_ALONE | QUIET_ENVIRONMENT if self.cluster == "local" else QUIET_ENVIRONMENT)
        if self.cluster != "local":
            with self._refusals_named(), suppress(ImportError, AttributeError):
                self._ask()  # or not, where Ray has moved what is its own: it can do without

    def join(self) -> None:
        """Raises UserError where there is no such cluster, or one of other versions or with another token."""
        on_sigterm = signal.getsignal(signal.SIGTERM)
        try:
            with self._refusals_named():
                self._init()
        finally:
            signal.signal(signal.SIGTERM, on_sigterm)  # Ray sets its own

    @contextmanager
    def _refusals_named(self) -> Iterator[None]:
        """Raises UserError for whatever Ray raises where it cannot be joined."""
        try:
            yield
        except UserError:
            raise
        except getattr(self.ray.exceptions, "AuthenticationError", ()):
            raise self._refused() from None
        except Exception as error:  # what Ray raises for an address differs from version to version
            raise self._refusal(error) from None

    def _init(self) -> None:
        """With `ray://`, in a second attempt where Ray's process for this script died at its start.

        About one in 14 does: https://github.com/ray-project/ray/issues/63202.
        """
        flags = {"logging_level": logging.CRITICAL, "log_to_driver": False}
        if self.cluster == "local":
            flags |= {"_node_ip_address": LOOPBACK, "include_dashboard": False, "object_store_memory": OBJECT_STORE}
        try:
            self.ray.init(self.cluster, **flags)
        except ConnectionAbortedError as error:
            if not DIED_AT_ITS_START.search(str(error)):
                raise
            self.ray.init(self.cluster, **flags)

    def _ask(self) -> None:
        """Ask the cluster something before Ray does.

        Ray would wait minutes for one that has ended without `ray stop`, and half a minute for one that refuses this
        script's token or that is not there, and fill the screen meanwhile.
        """
        import grpc
        from ray._private.gcs_utils import create_gcs_channel
        from ray.core.generated.gcs_service_pb2 import GetClusterIdRequest
        from ray.core.generated.gcs_service_pb2_grpc import NodeInfoGcsServiceStub
        from ray.core.generated.ray_client_pb2 import ClusterInfoRequest, ClusterInfoType
        from ray.core.generated.ray_client_pb2_grpc import RayletDriverStub

        address = self._address()
        with create_gcs_channel(address.removeprefix("ray://")) as channel:
            if address.startswith("ray://"):
                ask, question = RayletDriverStub(channel).ClusterInfo, ClusterInfoRequest(type=ClusterInfoType.PING)
            else:
                ask, question = NodeInfoGcsServiceStub(channel).GetClusterId, GetClusterIdRequest()
            try:
                ask(question, timeout=ANSWERS_WITHIN)
            except grpc.RpcError as error:
                if error.code() is grpc.StatusCode.UNAUTHENTICATED:
                    raise self._refused() from None
                if error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
                    message = _(
                        "No cluster answers at {address}. Check the address, or start one as docs/several-cards.md "
                        "says."
                    )
                    raise self.error(message, address=address) from None

    def _address(self) -> str:
        """`cluster`, or what Ray takes for `auto`: RAY_ADDRESS, or where a cluster of this machine answers."""
        if self.cluster != "auto":
            return self.cluster
        from ray._private.authentication.authentication_token_setup import maybe_enable_token_auth_if_token_available

        if not os.environ.get("RAY_ADDRESS"):  # as Ray itself does then, and only then
            maybe_enable_token_auth_if_token_available(warn_if_disabled=False)
        try:
            return self.ray._private.services.get_ray_address_from_environment("auto", None)
        except ConnectionError:
            raise self.error(_("No cluster runs on this machine. Start one as docs/several-cards.md says.")) from None

    def _refused(self) -> UserError:
        message = _(
            "The cluster {cluster} refuses this script. Copy ~/.ray/auth_token of its first machine to this one, "
            "and set RAY_AUTH_MODE=token."
        )
        return self.error(message)

    def _refusal(self, error: Exception) -> UserError:
        if len(versions := VERSIONS.findall(str(error))) == 2:
            (its_ray, its_python), (ray, python) = versions
            message = _(
                "The cluster {cluster} has Ray {its_ray} and Python {its_python}, and this script Ray {ray} and "
                "Python {python}. Install the same versions on all its machines and on this one."
            )
            return self.error(message, its_ray=its_ray, its_python=its_python, ray=ray, python=python)
        reason = first_line(error)
        if reason.endswith(":"):  # it only announces what Ray says at the end
            reason += " " + last_line(error)
        message = _(
            "The cluster {cluster} cannot be used: {reason}. Check --cluster, and that all its machines have "
            "the same versions of Python and Ray."
        )
        return self.error(message, reason=reason.rstrip("."))

    def error(self, message: str, **values: Any) -> UserError:
        return UserError(message.format(cluster=self.cluster, **values))


def _import_ray(environment: dict[str, str]) -> Any:
    for name, value in environment.items():
        os.environ.setdefault(name, value)
    try:
        import grpc  # noqa: F401
        import ray
        import ray.exceptions
    except ImportError as error:
        raise UserError(
            _("--cluster needs Ray ({reason}). Install it: pip install -r requirements-cluster.txt").format(
                reason=error
            )
        ) from None
    logging.getLogger("ray").setLevel(logging.CRITICAL)  # also of what it does before it has the flag of `ray.init`
    return ray
