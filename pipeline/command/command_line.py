"""The flags that every script takes, made from the fields of `config.Settings`."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator
from difflib import get_close_matches
from itertools import combinations
from pathlib import Path
from typing import Any, Literal, NoReturn, get_args, get_origin

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import SettingsError

from config import ENVIRONMENT_PREFIX, FOUND, REPLACED, SETTINGS_FILE, WRITTEN, Group, Settings
from pipeline.runtime.errors import UserError
from pipeline.runtime.messages import LANGUAGES, N_, _, set_language
from pipeline.runtime.rerun import flags_and_values

TYPE_NAMES = {
    bool: "true|false",
    int: N_("whole number"),
    float: N_("number"),
    str: N_("text"),
    Path: N_("path"),
    list: N_("one or more texts"),
}
GROUP_NAME = N_("a group of settings")
BOUNDS = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<", "pattern": "~"}


def read_settings(description: str, argv: list[str]) -> Settings:
    """The settings of this run: `argv` first, then environment, `settings.toml`, profile and defaults.

    Sets the language of the messages. Raises UserError naming every faulty setting at once. `--help` prints
    `description` (a message id) and all flags, and exits.
    """
    set_language(_language_named_in(argv))
    flags, unknown = _parser(description).parse_known_args(argv)
    faults = [*_unknown_flags(unknown), *_unknown_variables()]
    try:
        settings = Settings(**_nested(vars(flags)))
    except ValidationError as error:
        faults += [_describe_fault(fault) for fault in error.errors()]
    except SettingsError:
        faults += _variables_without_json()
    except (ValueError, OSError) as error:  # settings.toml is no TOML, not UTF-8, or a folder
        faults.append(
            _("{file} cannot be read: {reason}. Correct it or remove it.").format(
                file=SETTINGS_FILE.resolve(), reason=error
            )
        )
    else:
        faults += _contradictions(settings)
    if faults:
        raise UserError("\n".join(faults))
    set_language(settings.language)
    return settings


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UserError(_("{problem}. See: python {script} --help").format(problem=message, script=self.prog))


def _parser(description: str) -> argparse.ArgumentParser:
    """One flag a field, `--group.name`; a flag that is not given stays out of the result."""
    parser = _Parser(
        usage=argparse.SUPPRESS,
        description=f"python %(prog)s [--profile demo] [--group.setting X ...]\n\n{_(description)}",
        epilog=_(
            "Each setting can also be given in settings.toml or as an environment variable: see docs/settings.md."
        ),
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,
        add_help=False,
        formatter_class=lambda prog: argparse.RawDescriptionHelpFormatter(prog, max_help_position=38, width=118),
    )
    general = parser.add_argument_group(_("general"))
    general.add_argument("-h", "--help", action="help", help=_("show this help and exit"))
    for name, field in Settings.model_fields.items():
        if _is_group(field):
            section = parser.add_argument_group(name, _(field.annotation.__doc__))
            for inner_name, inner in field.annotation.model_fields.items():
                _add_flag(section, f"{name}.{inner_name}", inner)
        else:
            _add_flag(general, name, field)
    return parser


def _add_flag(section, name: str, field: FieldInfo) -> None:
    options: dict[str, Any] = {"metavar": "X"}
    if field.annotation is bool:
        options = {"metavar": "true|false", "nargs": "?", "const": True}
    elif _type(field) is list or list[str] in get_args(field.annotation):
        options = {"metavar": "X", "nargs": "+"}
    about = field.json_schema_extra
    if about["bare"] is not None:
        options |= {"nargs": "?", "const": about["bare"]}
    names = [name, about["short_flag"]]
    section.add_argument(*(f"--{flag}" for flag in names if flag), dest=name, help=_help(field), **options)


def _help(field: FieldInfo) -> str:
    choices = f" ({_expected(field)})" if get_origin(_type(field)) is Literal else ""
    default = field.get_default(call_default_factory=True)
    shown = " ".join(map(str, default)) if isinstance(default, list) else default
    ending = "" if default is None else f" [{shown}]"
    return (_(field.description) + choices + ending).replace("%", "%%")


def _nested(flags: dict[str, Any]) -> dict[str, Any]:
    """{"training.seed": 1} as {"training": {"seed": 1}}."""
    nested: dict[str, Any] = {}
    for name, value in flags.items():
        group, dot, field = name.partition(".")
        if dot:
            nested.setdefault(group, {})[field] = value
        else:
            nested[name] = value
    return nested


def _language_named_in(argv: list[str]) -> str | None:
    """The language that the command line or the environment names: --help and faults already speak it."""
    language = dict(flags_and_values(argv)).get("--language", os.environ.get(ENVIRONMENT_PREFIX + "LANGUAGE"))
    return language if language in LANGUAGES else None


def _unknown_flags(arguments: list[str]) -> list[str]:
    """A line for each flag that is no setting, or for the first value that belongs to no flag."""
    flags = [argument.removeprefix("--").partition("=")[0] for argument in arguments if argument.startswith("--")]
    if arguments and not flags:
        return [_("{value!r} belongs to no setting.").format(value=arguments[0])]
    return [_no_such_setting(flag) for flag in flags]


def _unknown_variables() -> list[str]:
    """A line for each environment variable that looks like a setting and is none."""
    return [
        _("The environment variable {variable} does not belong to any setting. Remove it or correct its name.").format(
            variable=variable
        )
        for variable in sorted(os.environ)
        if variable.startswith(ENVIRONMENT_PREFIX)
        and variable.removeprefix(ENVIRONMENT_PREFIX).lower().split("__")[0] not in Settings.model_fields
    ]


def _variables_without_json() -> list[str]:
    """A line for each environment variable whose setting is a list or a group, and whose value is no JSON."""
    faults = []
    for variable in sorted(os.environ):
        name = variable.removeprefix(ENVIRONMENT_PREFIX).lower().replace("__", ".")
        field = _fields().get(name) if variable.startswith(ENVIRONMENT_PREFIX) else None
        if field and (_type(field) is list or _is_group(field)):
            try:
                json.loads(os.environ[variable])
            except ValueError:
                faults.append(
                    _('The environment variable {variable} must hold JSON, like ["one", "two"].').format(
                        variable=variable
                    )
                )
    return faults


def _describe_fault(fault: dict) -> str:
    """One line for one of pydantic's faults: which setting, what was given, what is allowed."""
    name = ".".join(part for part in fault["loc"] if isinstance(part, str))
    field = _fields().get(name)
    if field is None:  # argparse knows those of the command line
        variable = ENVIRONMENT_PREFIX + name.upper().replace(".", "__")
        return f"{variable if variable in os.environ else SETTINGS_FILE}: {_no_such_setting(name)}"
    return _("{setting}: {value!r} is not allowed; allowed is: {expected}").format(
        setting=name, value=fault["input"], expected=_expected(field)
    )


def _contradictions(settings: Settings) -> list[str]:
    """A line for each two settings that are allowed alone and not together, and for paths that cannot be."""
    faults = _faults_of_paths(settings) or _faults_on_disk(settings)
    if settings.generation.max_new_tokens >= settings.model.max_seq_length:
        faults.append(
            _("generation.max_new_tokens ({n}) must be lower than model.max_seq_length ({length}).").format(
                n=settings.generation.max_new_tokens, length=settings.model.max_seq_length
            )
        )
    if settings.cluster and settings.model.device_map == "balanced":
        faults.append(_("A worker of --cluster has one card, and --model.device_map balanced needs several: drop one."))
    return faults


def _faults_of_paths(settings: Settings) -> list[str]:
    """A line for each path that cannot be one, for two that are the same, and for one in a folder that is replaced."""
    paths = {f"{name}.{field}": path for name, group in settings.groups() for field, path in _paths(group)}
    faults = [
        _("{setting}: {value!r} cannot be used as a path; choose a name in a folder.").format(
            setting=name, value=str(path)
        )
        for name, path in paths.items()
        if "\0" in str(path) or path.name in ("", "..")
    ]
    if faults:
        return faults
    found, replaced = (
        {f"{name}.{field}" for name, group in settings.groups() for field in group.with_role(role)}
        for role in (FOUND, REPLACED)
    )
    places = {name: Path(os.path.normcase(os.path.realpath(path))) for name, path in paths.items()}
    for (one, place), (other, other_place) in combinations(places.items(), 2):
        if place == other_place and not {one, other} <= found:  # what is only read may be read twice
            faults.append(
                _("{one} and {other} are the same path: {path}").format(one=one, other=other, path=paths[one])
            )
    for folder in sorted(replaced):
        inside = [name for name, place in places.items() if places[folder] in place.parents]
        if inside:
            faults.append(
                _("{folder} is replaced as a whole, so {names} cannot lie in it: {path}").format(
                    folder=folder, names=", ".join(inside), path=paths[folder]
                )
            )
    return faults


def _faults_on_disk(settings: Settings) -> list[str]:
    """A line for each file that stands where the scripts need a folder, and for each folder where they need a file.

    The operating system would say so too, but of a path that may not be a setting's, and perhaps after hours of work.
    """
    files: dict[Path, list[str]] = {}
    faults = []
    for name, path in _written_paths(settings):
        folder = path if name.endswith("_dir") else path.parent
        file = next((one for one in (folder, *folder.parents) if _is_file(one)), None)
        if file:
            files.setdefault(file, []).append(f"--{name}")
        elif folder != path and os.path.isdir(path):  # noqa: PTH112 - see _is_file
            faults.append(
                _("{path} is a folder, and a file is needed there. Choose another path with {flag}.").format(
                    path=path, flag=f"--{name}"
                )
            )
    for file, flags in files.items():
        shown = flags[0] if flags[0] == "--work_dir" else ", ".join(flags)  # all other paths lie in it
        faults.append(
            _("{path} is a file, and a folder is needed there. Choose another path with {flags}.").format(
                path=file, flags=shown
            )
        )
    return faults


def _is_file(path: Path) -> bool:
    """Whether there is something that is no folder. pathlib raises where it may not look, and at names too long."""
    return os.path.exists(path) and not os.path.isdir(path)  # noqa: PTH110, PTH112


def _written_paths(settings: Settings) -> Iterator[tuple[str, Path]]:
    """The paths that the scripts write to, with the names of the settings; a name that ends in _dir is of a folder."""
    yield "work_dir", settings.work_dir
    for name, group in settings.groups():
        written = group.with_role(WRITTEN) | group.with_role(REPLACED)
        yield from ((f"{name}.{field}", path) for field, path in group if field in written)


def _paths(group: Group) -> Iterator[tuple[str, Path]]:
    """The paths among the settings of `group`, also that of a local folder where a name on the hub can stand."""
    for name, value in group:
        if isinstance(value, Path):
            yield name, value
        elif name == "raw_file":
            for raw in group.raw_files:
                if not os.path.isdir(raw):  # noqa: PTH112 - of a folder, what the scripts write is left out
                    yield name, Path(raw)
        elif name in group.with_role(FOUND) and value and os.path.isdir(value):  # noqa: PTH112 - of any text
            yield name, Path(value)


def _no_such_setting(name: str) -> str:
    meant = get_close_matches(name, _fields(), n=1)
    hint = " " + _("Did you mean {name}?").format(name=meant[0]) if meant else ""
    return _("{setting} is no setting.").format(setting=name) + hint


def _fields() -> dict[str, FieldInfo]:
    """Every setting by its full name, and every group."""
    fields = dict(Settings.model_fields)
    for name, field in Settings.model_fields.items():
        if _is_group(field):
            fields |= {f"{name}.{inner}": value for inner, value in field.annotation.model_fields.items()}
    return fields


def _expected(field: FieldInfo) -> str:
    """What a setting may be: `one|of|these`, or a type with its bounds."""
    kind = _type(field)
    if get_origin(kind) is Literal:
        return "|".join(map(str, get_args(kind)))
    bounds = [
        f"{sign} {getattr(rule, name)}"
        for rule in field.metadata
        for name, sign in BOUNDS.items()
        if getattr(rule, name, None) is not None
    ]
    return " ".join([_(TYPE_NAMES.get(kind, GROUP_NAME)), *bounds])


def _type(field: FieldInfo) -> Any:
    """The type of a field without its `| None`, `list` for every list."""
    kinds = [kind for kind in get_args(field.annotation) if kind is not type(None)]
    if get_origin(field.annotation) in (list, Literal):
        return list if get_origin(field.annotation) is list else field.annotation
    return kinds[0] if kinds else field.annotation


def _is_group(field: FieldInfo) -> bool:
    return isinstance(field.annotation, type) and issubclass(field.annotation, Group)
