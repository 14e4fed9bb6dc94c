"""Training on two machines, which are two launchers on the loopback here: one dies, and the same commands go on."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from contextlib import suppress

import psutil
import pytest

from pipeline.training.checkpoints import last_checkpoint
from tests.pipeline_run import ANSWERS, TRAINING
from tests.running import DEADLINE, DEMO, PROJECT

pytestmark = [
    pytest.mark.slow_fault,  # four launchers with a training each take more than a minute
    pytest.mark.skipif(sys.platform == "win32", reason="PyTorch for Windows starts them only with libuv"),
]

FLAGS = (*DEMO, *ANSWERS, *TRAINING, "--training.per_device_train_batch_size", "1", "--training.max_steps", "40")


def start_host(rank: int, port: int, folder, *flags: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "torch.distributed.run", "--nnodes", "2", "--nproc_per_node", "1"]
        + ["--node_rank", str(rank), "--master_addr", "127.0.0.1", "--master_port", str(port)]
        + [str(PROJECT / "fine_tuning.py"), "--language", "en", "--work_dir", str(folder), *FLAGS, *flags],
        cwd=folder,
        env=os.environ | {"GLOO_SOCKET_IFNAME": "lo"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    )


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def kill(host: subprocess.Popen) -> str:
    """End a host as a power cut does, with the training that its launcher started; what its screen showed."""
    with suppress(psutil.NoSuchProcess):  # it has ended by itself
        launcher = psutil.Process(host.pid)
        for process in [launcher, *launcher.children(recursive=True)]:
            with suppress(psutil.NoSuchProcess):
                process.kill()
    return host.communicate(timeout=DEADLINE)[0]


def losses(folder) -> dict[int, float]:
    lines = (folder / "trainer_outputs" / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    return {entry["step"]: entry["loss"] for entry in map(json.loads, lines) if "loss" in entry}


def test_host_that_dies_ends_the_other_and_both_go_on(pipeline_run, tmp_path):
    folder = pipeline_run.copy(tmp_path, "trn_processed.json")
    port = free_port()
    hosts = [start_host(rank, port, folder) for rank in range(2)]
    end = time.monotonic() + DEADLINE
    while not any(map(last_checkpoint, folder.glob("trainer_outputs/training-*"))):
        assert time.monotonic() < end and hosts[0].poll() is None, kill(hosts[0])
        time.sleep(0.05)
    kill(hosts[1])
    said = hosts[0].communicate(timeout=DEADLINE)[0]
    assert hosts[0].returncode != 0
    assert said.count("Error: another process of this training has ended") == 1, said

    port = free_port()
    hosts = [start_host(rank, port, folder) for rank in range(2)]
    screens = [host.communicate(timeout=DEADLINE)[0] for host in hosts]
    assert [host.returncode for host in hosts] == [0, 0], screens
    assert "Continuing from" in screens[0]
    assert screens[0].count("END OF FINE-TUNING") == 1
    assert "END OF FINE-TUNING" not in screens[1]
    assert (folder / "lora_model_demo" / "adapter_model.safetensors").exists()
    alone = losses(pipeline_run.folder)
    # The learning rate falls over 40 steps here and over 8 there, so only the first losses are alike.
    assert {step: loss for step, loss in losses(folder).items() if step <= 5} == pytest.approx(
        {step: alone[step] for step in range(1, 6)}, rel=0.02
    )


def test_hosts_without_a_shared_folder_are_told(pipeline_run, tmp_path):
    port = free_port()
    for name in "ab":
        (tmp_path / name).mkdir()
    folders = [pipeline_run.copy(tmp_path / name, "trn_processed.json") for name in "ab"]
    hosts = [start_host(rank, port, folder) for rank, folder in enumerate(folders)]
    screens = [host.communicate(timeout=DEADLINE)[0] for host in hosts]
    assert all(host.returncode for host in hosts)
    assert "do not read the same" in screens[1]
    assert "--work_dir" in screens[1]
