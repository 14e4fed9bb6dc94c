"""Training, embedding and answering on 1, 2, 4 and 8 cards of one machine: speed, memory, and whether all is equal.

    python benchmarks/several_cards.py --records trn.json --cards 1 2
    python benchmarks/several_cards.py --records trn.json --cards 1 2 4 8 --model FOLDER --embedding FOLDER
    python benchmarks/several_cards.py --records demo/trn.json.gz --cards 1 2 --processor      without a card

Training: fine_tuning.py's trainer under torchrun, the same examples a step whatever the number of cards, without a
limit of memory and planned for 8 GB; the first steps, which compile, are left out. Embedding: the model's part of
script 5 with `--cluster local`, without Chroma. Answers: script 8's with `--cluster local`, greedy, in batches of 64,
which are the same on any number of cards where `--answers` is a multiple of 128 for each. Models are loaded before the
clock starts.

Prints each line of its table as soon as it is measured; exit code 1 where losses, vectors or answers differ, or a card
reserved more than 3 % above or 10 % below its plan. What the runs print goes to log files in `--logs`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from itertools import cycle, islice
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(PROJECT), str(PROJECT / "benchmarks")]

PARTS = ("training", "training 8 GB", "embedding", "answers")
GIB = 1024**3
SLICE = 512  # texts of a task, as in script 5
ROWS = 64  # answers at once
EQUAL_LOSSES = 0.01  # relative: sums of 16-bit numbers in another order differ by less


def main() -> None:
    options = read_options()
    if options.part:
        run_part(options)
        return
    from training_speed import write_catalogues

    options.logs.mkdir(parents=True, exist_ok=True)
    print(f"{'':<15}{'cards':>6}{'a second':>12}{'times':>7}{'linear':>8}{'equal':>7}  planned / reserved / beside, GB")
    with tempfile.TemporaryDirectory() as name:
        folder = write_catalogues(Path(name), options)[1]
        good = [measure_part(part, folder, options) for part in options.parts]
    sys.exit(not all(good))


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cards", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--records", type=Path, required=True, help="raw catalogue, as script 1 reads it")
    parser.add_argument("--model", default="unsloth/llama-3-8b-bnb-4bit")
    parser.add_argument("--embedding", default="sentence-transformers/all-MiniLM-L6-v2")
    parser.add_argument("--examples", type=int, default=512, help="of a training step, on all cards together")
    parser.add_argument("--steps", type=int, default=4, help="measured ones")
    parser.add_argument("--texts", type=int, default=200_000)
    parser.add_argument("--answers", type=int, default=1024, help="a multiple of 128 for each card")
    parser.add_argument("--logs", type=Path, default=Path(tempfile.gettempdir()) / "several_cards_logs")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--processor", action="store_true", help="the demo's models, a core in place of a card")
    parser.add_argument("--part", nargs=4, help=argparse.SUPPRESS)  # in processes of its own: what, cards, folder, out
    return parser.parse_args()


def measure_part(part: str, folder: Path, options: argparse.Namespace) -> bool:
    """Measure `part` on every number of cards and print a line each; whether all are as they have to be."""
    good, first = True, {}
    for cards in options.cards:
        run = measure(part, cards, folder, options)
        first = first or run
        good = report(part, run, first) and good
    return good


def measure(part: str, cards: int, folder: Path, options: argparse.Namespace) -> dict:
    """What processes of their own found, which see `cards` cards; nothing where they failed."""
    out = folder / f"{part} {cards}.json"
    python = [sys.executable]
    if part.startswith("training"):
        python += ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", str(cards)]
    command = [*python, sys.argv[0], *sys.argv[1:], "--part", part, str(cards), str(folder), str(out)]
    visible = "" if options.processor else ",".join(map(str, range(cards)))
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": visible, "PYTHONUNBUFFERED": "1"}
    log = options.logs / f"{part} {cards}.log".replace(" ", "_")
    with log.open("w", encoding="utf-8") as output:
        subprocess.run(command, env=environment, stdout=output, stderr=subprocess.STDOUT)
    if not out.exists():
        print(
            f"{part}, {cards} cards, failed: {log}\n{log.read_text(encoding='utf-8', errors='replace')[-2000:]}",
            flush=True,
        )
        return {}
    return json.loads(out.read_text(encoding="utf-8")) | {"cards": cards}


def report(part: str, run: dict, first: dict) -> bool:
    """Print the line of a run; whether it is as it has to be."""
    if not run:
        return False
    times = run["rate"] / first["rate"]
    linear = times / run["cards"] * first["cards"]
    same = equal(run, first)
    memory = run.get("memory", [])
    sizes = ", ".join(" / ".join(f"{size / GIB:.2f}" for size in card) for card in memory)
    fits = all(0.97 <= planned / reserved <= 1.10 for planned, reserved, _beside in memory if planned)
    print(
        f"{part:<15}{run['cards']:>6}{run['rate']:>12,.0f}{times:>7.2f}{linear:>8.2f}{'yes' if same else 'NO':>7}"
        f"  {sizes}{'' if fits else '  OFF THE PLAN'}",
        flush=True,
    )
    if not same:
        print(f"    {str(run['found'])[:150]}\n    {str(first['found'])[:150]}", flush=True)
    return same and fits


def equal(run: dict, first: dict) -> bool:
    if isinstance(run["found"], str):
        return run["found"] == first["found"]
    pairs = zip(run["found"], first["found"], strict=True)
    return all(abs(loss - other) <= EQUAL_LOSSES * abs(other) for loss, other in pairs)


# -------------------------------------------------------------------------------------------- in processes of their own


def run_part(options: argparse.Namespace) -> None:
    what, cards, folder, out = options.part
    if what.startswith("training"):
        result = train(int(cards), Path(folder), options, limited=what != "training")
    else:
        result = (embed if what == "embedding" else answer)(int(cards), Path(folder), options)
    if os.environ.get("RANK", "0") == "0":
        Path(out).write_text(json.dumps(result), encoding="utf-8")


def settings_for(folder: Path, options: argparse.Namespace, *flags: str):
    from pipeline.command.command_line import read_settings

    models = ["--model.name", options.model, "--rag.embedding_model", options.embedding]
    models = ["--profile", "demo"] if options.processor else models
    return read_settings("", [*models, "--work_dir", str(folder), "--language", "en", *flags])


def train(cards: int, folder: Path, options: argparse.Namespace, limited: bool) -> dict:
    from training_speed import WARM_UP, clocked, lend_attention_by_lengths

    import fine_tuning
    from pipeline.model.loading import choose_backend

    flags = [
        *("--training.max_steps", str(options.steps + WARM_UP), "--training.save_steps", "1000000"),
        *("--training.per_device_train_batch_size", "2", "--training.logging_steps", "1"),
        *("--training.gradient_accumulation_steps", str(options.examples // (2 * cards))),
        *(("--training.memory_gb", "8") if limited and not options.processor else ()),
    ]
    settings = settings_for(folder, options, *flags)
    choose_backend(settings)
    lend_attention_by_lengths()
    processes = fine_tuning.join_processes(settings)
    foundation = fine_tuning.read_configuration(settings)
    examples = fine_tuning.make_examples(foundation, processes, settings)._replace(held_out=None)
    plan = fine_tuning.plan_training(examples.training, foundation, settings)
    language_model = fine_tuning.prepare_lora(fine_tuning.load_model(plan, settings), settings)
    trainer = fine_tuning.configure_trainer(language_model, examples, plan, foundation, settings)
    steps = clocked(trainer)["steps"]
    return {
        "rate": statistics.median(tokens_of_all(tokens) / seconds for tokens, seconds in steps),
        "found": [entry["loss"] for entry in trainer.state.log_history if "loss" in entry],
        "memory": memory_of_all(trainer.plan.needed),
        "tokens_at_once": trainer.plan.tokens,
        "micro_batches": trainer.plan.micro_batches,
    }


def tokens_of_all(tokens: int) -> int:
    from accelerate.utils import gather_object

    return sum(gather_object([tokens]))


def memory_of_all(planned: int) -> list[list[int]]:
    """Of each card: bytes that were planned, that PyTorch reserved, and that lie beside those, as NCCL's do."""
    import torch
    from accelerate.utils import gather_object

    if not torch.cuda.is_available():
        return []
    free, total = torch.cuda.mem_get_info()
    beside = total - free - torch.cuda.memory_reserved()
    return gather_object([[planned, torch.cuda.max_memory_reserved(), beside]])


def embed(cards: int, folder: Path, options: argparse.Namespace) -> dict:
    from pipeline.catalogue.products import read_products
    from pipeline.catalogue.prompts import document_text
    from pipeline.runtime.cluster import ClusterWorkers
    from pipeline.search.embedding import ClusterEmbedder, fingerprint, load_embedding_model, use_fastest_precision

    settings = settings_for(folder, options)
    texts = [document_text(*product) for product in read_products(settings.data.processed_file)]
    embeddings = load_embedding_model(settings)
    model, precision = fingerprint(embeddings), use_fastest_precision(embeddings, texts[:SLICE])
    del embeddings
    slices = [list(islice(cycle(texts), start, start + SLICE)) for start in range(0, len(texts), SLICE)]
    wanted = -(-options.texts // SLICE)
    embedder = ClusterEmbedder(model, precision, settings)
    digest = hashlib.sha256()
    with ClusterWorkers(embedder, "local", most=cards, cards=not options.processor) as workers:
        list(workers.in_order(slices[:1] * 2 * cards))  # each worker loads the model
        start = time.perf_counter()
        for vectors in workers.in_order(islice(cycle(slices), wanted)):
            digest.update(vectors.tobytes())
        seconds = time.perf_counter() - start
    return {"rate": wanted * SLICE / seconds, "found": digest.hexdigest()}


def answer(cards: int, folder: Path, options: argparse.Namespace) -> dict:
    from comparison.asking import ClusterAnswerer, OnCluster
    from comparison.systems import FOUNDATION
    from pipeline.catalogue.products import read_products
    from pipeline.catalogue.prompts import product_prompt
    from pipeline.model.answers import Question
    from pipeline.runtime.cluster import ClusterWorkers

    flags = ("--generation.do_sample", "false", "--generation.batch_size", str(ROWS))
    settings = settings_for(folder, options, *flags)
    products = islice(read_products(settings.data.processed_file), options.answers)
    function = ClusterAnswerer(False, settings)
    with ClusterWorkers(function, "local", most=cards, cards=not options.processor) as workers:
        model = OnCluster(workers, settings)
        questions = [Question(title, product_prompt(title, model.reader.form)) for title, _description in products]
        list(model.answers(FOUNDATION, questions[: 32 * cards]))  # each worker loads the model
        start = time.perf_counter()
        answers = dict(model.answers(FOUNDATION, questions))
        seconds = time.perf_counter() - start
    texts = [answers[index].answer for index in range(len(questions))]
    digest = hashlib.sha256(json.dumps(texts).encode()).hexdigest()
    return {"rate": sum(answer.tokens for answer in answers.values()) / seconds, "found": digest}


if __name__ == "__main__":
    main()
