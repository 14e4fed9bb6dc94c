"""Script 3."""

from __future__ import annotations

import json
import re
import shutil

import pytest

import fine_tuning
from pipeline.catalogue.products import is_held_out, normalised_title
from pipeline.model.configuration import read_configuration
from pipeline.model.loading import LanguageModel, load_foundation_model
from pipeline.model.lora import add_lora
from pipeline.model.weight_files import weights_fingerprint
from pipeline.runtime.errors import UserError
from pipeline.training.checkpoints import last_checkpoint, training_dir
from tests.pipeline_run import ANSWERS, TRAINING
from tests.running import DEMO, assert_refused, contents, demo_settings, finish, kill_when, run_here, start
from tests.test_foundation_model import PROMPT
from tests.tiny_model import byte_tokenizer

STEPS = [
    "# Information on the environment",
    "Python version",
    "PyTorch version",
    "# Creating the transformers settings",
    "Settings in use:",
    "# Creating the training data...",
    "# Writing the file with the training data...",
    "Dataset saved to ",
    "# Generating the dataset for training...",
    "Dataset generated: Dataset({\n    features: ['instruction', 'input', 'output'],\n    num_rows: 12\n})",
    "# Converting the dataset into prompts...",
    "Dataset converted: Dataset({",
    "# Planning the memory...",
    "An optimizer step: 2 examples, packed into ",
    "# Loading the model and the tokenizer...",
    "and its tokenizer loaded!",
    "# Preparing the model for fine-tuning with LoRA (Low Rank Adaptation)...",
    "Model prepared for fine-tuning with LoRA (Low Rank Adaptation)",
    "Trainable parameters: ",
    "# Configuring the SFT trainer (Supervised Fine-Tuning)...",
    "SFT trainer configured!",
    "# Training the SFT trainer (Supervised Fine-Tuning)...",
    "'eval_loss': ",
    "'loss': ",
    "Training statistics\n===================",
    "Total training time  ",
    "Processing speed  ",
    "Final training loss  ",
    "Held-out loss  ",
    "Held-out perplexity  ",
    "Training completed!",
    "# Preparing the model for inference (predictions)...",
    "Model prepared for inference!",
    "Tokenized!",
    "# Asking the model...",
    "Answer received!",
    "The model's answer: [",
    "Tokenized!",
    "Answer received!",
    "# Saving the trained model to ",
    "Merged model saved to ",
    "END OF FINE-TUNING",
]


def test_steps_come_in_order(pipeline_run):
    done = pipeline_run.done["fine_tuning.py"]
    assert done.code == 0, done.errors
    position = 0
    for step in STEPS:
        assert step in done.screen[position:], step
        position = done.screen.index(step, position) + len(step)
    assert len(re.findall("'loss': ", done.screen)) == 8  # logging_steps is 1
    loss = float(re.search(r"Final training loss +: ([\d.]+)", done.screen)[1])
    assert 0 < loss < 20


def test_trainable_parameters(pipeline_run):
    """Each adapted projection from n to m gets r (n + m) of them."""
    config = json.loads((pipeline_run.folder / "merged_model_demo" / "config.json").read_text(encoding="utf-8"))
    hidden, inner, head = config["hidden_size"], config["intermediate_size"], config["head_dim"]
    queries, keys = config["num_attention_heads"] * head, config["num_key_value_heads"] * head
    attention = 2 * (hidden + queries) + 2 * (hidden + keys)
    expected = 32 * config["num_hidden_layers"] * (attention + 3 * (hidden + inner))
    assert f"Trainable parameters: {expected:,}\n" in pipeline_run.done["fine_tuning.py"].screen


# ---------------------------------------------------------------------------------------------------------- examples


def test_dataset_file_is_an_array_of_examples(pipeline_run):
    lines = (pipeline_run.folder / "trn_processed_dataset.json").read_text(encoding="utf-8").splitlines()
    examples = json.loads("\n".join(lines))
    assert len(examples) == len(lines) - 2 == 12
    descriptions = {(product.product, product.description) for product in pipeline_run.products}
    for example in examples:
        assert list(example) == ["instruction", "input", "output"]
        assert example["instruction"] == "GET THE DESCRIPTION OF THIS PRODUCT"
        assert (example["input"], example["output"]) in descriptions


def test_held_out_products_are_in_no_example(pipeline_run, tmp_path):
    """All products of the catalogue, which has titles that differ in case and punctuation only."""
    settings = demo_settings(tmp_path, "--training.max_examples", "0")
    pipeline_run.copy(tmp_path, "trn_processed.json")
    with (tmp_path / "trn_processed.json").open("r+", encoding="utf-8") as file:
        lines = file.readlines()[:-1]
        variants = [json.loads(line.strip("[,\n")) for line in lines[1:40]]
        for variant in variants:
            variant["product"] = f" {variant['product'].upper()}!"
        file.seek(0)
        file.writelines([*lines[:-1], lines[-1].rstrip("\n") + ",\n", ",\n".join(map(json.dumps, variants)), "\n]\n"])
    fine_tuning.save_examples(settings)
    examples = json.loads((tmp_path / "trn_processed_dataset.json").read_text(encoding="utf-8"))
    trained = {normalised_title(example["input"]) for example in examples}
    held_out = {product for product in pipeline_run.products if is_held_out(product.product, 20)}
    assert 0.15 < len(held_out) / len(pipeline_run.products) < 0.25
    assert not trained & {normalised_title(product.product) for product in held_out}
    assert len(trained) > 0.75 * len({product.product for product in pipeline_run.products})
    assert any(example["input"].isupper() for example in examples)


def test_examples_are_the_first_products_that_are_not_held_out(pipeline_run):
    examples = pipeline_run.answers("trn_processed_dataset.json")
    expected = [product for product in pipeline_run.products if not is_held_out(product.product, 20)][:12]
    assert [(example["input"], example["output"]) for example in examples] == expected
    seen = pipeline_run.products.index(expected[-1]) + 1
    kept_out = int(re.search(r"kept out of training: (\d+)", pipeline_run.done["fine_tuning.py"].screen)[1])
    assert kept_out in range(seen - 12, seen - 12 + 5)  # those between the last example and the end of the search count


# ------------------------------------------------------------------------------------------------- what is learned


@pytest.fixture(scope="module")
def tokenizer():
    return byte_tokenizer()


def trainer_of(pipeline_run, folder, *flags: str):
    """The trainer that the script makes of the examples of the run, before its first step."""
    pipeline_run.copy(folder, "trn_processed.json")
    settings = demo_settings(folder, *TRAINING, *flags)
    foundation = read_configuration(settings)
    examples = fine_tuning.make_examples(foundation, fine_tuning.join_processes(settings), settings)
    plan = fine_tuning.plan_training(examples.training, foundation, settings)
    language_model = add_lora(load_foundation_model(settings), settings)
    return fine_tuning.configure_trainer(language_model, examples, plan, foundation, settings)


@pytest.mark.parametrize("packing", ["true", "false"])
def test_loss_counts_the_description_and_the_end_only(pipeline_run, tmp_path, tokenizer, packing):
    expected = {(example["input"], example["output"]) for example in pipeline_run.answers("trn_processed_dataset.json")}
    examples = []
    for batch in trainer_of(pipeline_run, tmp_path, "--training.packing", packing).get_train_dataloader():
        for row, tokens in enumerate(batch["input_ids"]):
            labels = batch["labels"][row]
            if packing == "true":
                starts = [*(batch["position_ids"][row] == 0).nonzero().flatten().tolist(), len(tokens)]
            else:
                starts = [0, batch["attention_mask"][row].sum().item()]
                assert (labels[starts[1] :] == -100).all()
            for start_, end in zip(starts, starts[1:], strict=False):
                examples.append((tokens[start_:end], labels[start_:end]))
    assert len(examples) == len(expected) == 12
    for tokens, labels in examples:
        counted = labels != -100
        assert (tokens[counted] == labels[counted]).all()
        read = tokenizer.decode(tokens[~counted], skip_special_tokens=True)
        product = read.split("### Input:\n")[1].split("\n\n### Response:")[0]
        assert read == PROMPT.format(product=product)
        learned = tokenizer.decode(tokens[counted])
        assert learned.endswith(tokenizer.eos_token)
        assert (product, learned.removesuffix(tokenizer.eos_token)) in expected


def test_packed_examples_do_not_see_each_other(pipeline_run, tmp_path):
    """What the model says of an example is the same in a packed sequence and alone."""
    import torch

    trainer = trainer_of(pipeline_run, tmp_path, "--training.per_device_train_batch_size", "4")
    model = trainer.model.eval()
    batches = iter(trainer.get_train_dataloader())
    batch = next(batch for batch in batches if (batch["position_ids"] == 0).sum() > 1)
    tokens, positions = batch["input_ids"][0], batch["position_ids"][0]
    starts = [*(positions == 0).nonzero().flatten().tolist(), len(tokens)]
    with torch.no_grad():
        packed = model(**{key: values[:1] for key, values in batch.items() if key != "labels"}).logits[0]
        for start_, end in zip(starts, starts[1:], strict=False):
            alone = model(input_ids=tokens[None, start_:end]).logits[0]
            assert torch.allclose(packed[start_:end], alone, atol=1e-3)


def test_parameters_of_the_first_version_on_llama_3_8b(tmp_path):
    """The rank and projections of the default settings, on a Llama-3-8B that has shapes only, no weights."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=128_256,
        hidden_size=4096,
        intermediate_size=14_336,
        num_hidden_layers=32,
        num_attention_heads=32,
        num_key_value_heads=8,
    )
    with torch.device("meta"):
        model = LlamaForCausalLM(config)
        language_model = add_lora(LanguageModel(model, None, 8192), demo_settings(tmp_path))
    trainable = [weight.numel() for weight in language_model.model.parameters() if weight.requires_grad]
    assert sum(trainable) == 83_886_080


# ----------------------------------------------------------------------------------------------------------- results


def test_whole_and_streamed_answer_are_the_same(pipeline_run):
    screen = pipeline_run.done["fine_tuning.py"].screen
    product = pipeline_run.asked[1]
    assert screen.count(f"# Preparing '{product}' to be tokenized and answered...") == 2
    whole = screen.split("The model's answer: [")[1].split("]\n\n####")[0]
    streamed = screen.split("Tokenized!")[2].split("Answer received!")[0]
    assert streamed.strip() == whole


def test_adapter_is_safetensors_only(pipeline_run):
    files = contents(pipeline_run.folder / "lora_model_demo")
    assert {"adapter_model.safetensors", "adapter_config.json", "tokenizer.json"} <= set(files)
    assert not [name for name in files if name.endswith((".bin", ".pt", ".pth", ".pkl", ".ckpt"))]


def test_finished_training_leaves_no_checkpoint(pipeline_run):
    assert not list((pipeline_run.folder / "trainer_outputs").rglob("checkpoint-*"))


def test_merged_model_is_base_and_adapter(pipeline_run, tmp_path):
    """Plain transformers loads it, and its logits are those of the adapted model, rounded to 16 bits."""
    import torch
    from peft import PeftModel
    from safetensors import safe_open
    from transformers import AutoModelForCausalLM, AutoTokenizer

    merged_dir = pipeline_run.folder / "merged_model_demo"
    merged, loading = AutoModelForCausalLM.from_pretrained(merged_dir, dtype=torch.float32, output_loading_info=True)
    assert not any(loading.values()), loading
    with safe_open(merged_dir / "model-00001.safetensors", framework="pt") as file:
        assert {file.get_tensor(name).dtype for name in file.keys()} == {torch.bfloat16}  # noqa: SIM118
    base = AutoModelForCausalLM.from_pretrained(demo_settings(tmp_path).model.name, dtype=torch.float32)
    tokens = AutoTokenizer.from_pretrained(merged_dir)(PROMPT.format(product="Lamp"), return_tensors="pt")
    with torch.no_grad():
        untrained = base(**tokens).logits
        adapted = PeftModel.from_pretrained(base, pipeline_run.folder / "lora_model_demo").merge_and_unload()
        for weight in adapted.parameters():
            weight.copy_(weight.bfloat16())
        expected = adapted(**tokens).logits
        logits = merged(**tokens).logits
    assert torch.allclose(logits, expected, atol=1e-3)
    assert (untrained - expected).abs().max() > 0.1  # the adapter does change what the model says


# ------------------------------------------------------------------------------------------------- interruptions


def metrics(folder) -> list[dict]:
    """The figures of a training, in the order in which they came."""
    lines = (folder / "trainer_outputs" / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def checkpoints(folder) -> list[str]:
    """Those with all their files: the trainer writes this one last."""
    states = folder.glob("trainer_outputs/*/checkpoint-*/trainer_state.json")
    return [file.parent.name for file in states if file.stat().st_size]


@pytest.fixture(scope="module")
def killed_training(pipeline_run, tmp_path_factory):
    """A folder in which a training was killed after its first checkpoint, while it wrote a later one."""
    folder = pipeline_run.copy(tmp_path_factory.mktemp("killed"), "trn_processed.json")
    flags = (*DEMO, *ANSWERS, *TRAINING, "--products", *pipeline_run.asked)
    kill_when(start("fine_tuning.py", folder, *flags), lambda: bool(checkpoints(folder)))
    assert not (folder / "lora_model_demo").exists()
    assert not (folder / "lora_model_demo.meta.json").exists()
    [training] = (folder / "trainer_outputs").glob("training-*")
    half_written = training / "checkpoint-7"
    shutil.copytree(next(training.glob("checkpoint-*")), half_written)
    (half_written / "trainer_state.json").write_text('{"global_step": 7, "epo', encoding="utf-8")
    (training / "checkpoint-8").mkdir()
    return folder


def assert_same_adapter(folder, other) -> None:
    import torch
    from safetensors.torch import load_file

    weights, others = (load_file(path / "lora_model_demo" / "adapter_model.safetensors") for path in (folder, other))
    assert weights.keys() == others.keys()
    for name, weight in weights.items():
        assert torch.allclose(weight, others[name], atol=1e-5), name


def again(pipeline_run, folder, *flags: str):
    """The command of the training, started once more."""
    flags = (*DEMO, *ANSWERS, *TRAINING, "--products", *pipeline_run.asked, *flags)
    return start("fine_tuning.py", folder, *flags)


@pytest.fixture(scope="module")
def after_the_kill(pipeline_run, killed_training, tmp_path_factory):
    """The same command again, killed once more and then left alone; and beside it the one that is told to start anew.
    For both, the folder and how the last run ended."""
    auto, never = (shutil.copytree(killed_training, tmp_path_factory.mktemp("again") / name) for name in "an")
    anew = again(pipeline_run, never, "--training.resume", "never")
    before = newest(auto)
    kill_when(again(pipeline_run, auto), lambda: newest(auto) > before)
    return (auto, finish(again(pipeline_run, auto))), (never, finish(anew))


def newest(folder) -> int:
    """The step of the newest checkpoint that is whole."""
    [training] = (folder / "trainer_outputs").glob("training-*")
    return int(last_checkpoint(training).name.split("-")[1])


def test_training_killed_twice_ends_as_if_it_had_not_been(pipeline_run, after_the_kill):
    folder, done = after_the_kill[0]
    assert done.code == 0, done.errors
    step = int(re.search(r"Continuing from .*checkpoint-(\d+)", done.screen)[1])
    assert step in (4, 6, 8)
    assert len(re.findall("'loss': ", done.screen)) == 8 - step
    assert_same_adapter(folder, pipeline_run.folder)
    courses = [metrics(folder), metrics(pipeline_run.folder)]
    for entry, expected in zip(*courses, strict=True):
        for figures in (entry, expected):
            figures.pop("tokens_per_second", None)
        assert entry == pytest.approx(expected, rel=1e-4)


def test_killed_training_can_start_anew(pipeline_run, after_the_kill):
    folder, done = after_the_kill[1]
    assert done.code == 0, done.errors
    assert "Continuing from" not in done.screen
    assert len(re.findall("'loss': ", done.screen)) == 8
    assert_same_adapter(folder, pipeline_run.folder)


def test_adapter_of_a_changed_catalogue_is_refused(after_the_kill):
    folder, _done = after_the_kill[0]
    catalogue = folder / "trn_processed.json"
    catalogue.write_text(catalogue.read_text(encoding="utf-8").replace("the", "The"), encoding="utf-8", newline="\n")
    done = run_here("ft_test_trained_model.py", folder, *DEMO)
    assert_refused(done, "trn_processed.json is not what", "lora_model_demo", "python fine_tuning.py")


def folder_of(settings):
    return training_dir(weights_fingerprint(settings), settings)


def test_checkpoints_of_another_training_are_not_taken(killed_training):
    """A changed setting that changes what is learned means another folder of checkpoints; others do not."""
    [folder] = (killed_training / "trainer_outputs").glob("training-*")
    assert folder_of(demo_settings(killed_training, *TRAINING)) == folder
    assert last_checkpoint(folder).name in ("checkpoint-2", "checkpoint-4", "checkpoint-6")
    for same in (("--training.logging_steps", "7"), ("--training.resume", "never"), ("--generation.seed", "1")):
        assert folder_of(demo_settings(killed_training, *TRAINING, *same)) == folder
    for other in (("--training.seed", "1"), ("--lora.r", "16"), ("--model.max_seq_length", "512")):
        assert folder_of(demo_settings(killed_training, *TRAINING, *other)) != folder
    dataset = killed_training / "trn_processed_dataset.json"
    text = dataset.read_text(encoding="utf-8")
    dataset.write_text(text.replace(".", "!", 1), encoding="utf-8", newline="\n")
    try:
        assert folder_of(demo_settings(killed_training, *TRAINING)) != folder
    finally:
        dataset.write_text(text, encoding="utf-8", newline="\n")


@pytest.mark.parametrize("projections", [["w_proj"], ["q_proj", "w_proj"]])
def test_projection_that_the_model_lacks_is_named(tmp_path, projections):
    settings = demo_settings(tmp_path, "--lora.target_modules", *projections)
    with pytest.raises(UserError, match="w_proj"):
        add_lora(load_foundation_model(settings), settings)


@pytest.mark.parametrize("flags", [(), ("--training.plan_only",)])
def test_layers_that_the_model_does_not_have_are_refused_before_it_is_loaded(pipeline_run, tmp_path, flags):
    folder = pipeline_run.copy(tmp_path, "trn_processed.json*")
    done = run_here("fine_tuning.py", folder, *DEMO, *TRAINING, *flags, "--lora.layers_to_transform", "99")
    assert_refused(done, "lora.layers_to_transform", "no 99")
    assert "Loading the model" not in done.screen
