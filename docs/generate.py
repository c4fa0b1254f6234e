"""The pages of the site that the code or other files already hold: written here, and not kept in git.

Commands come from the parser, Python names from `__all__`, the service from its OpenAPI description, recipes from
`RECIPES`. Chapters, model cards and measurements are copied from where they live.
"""

import argparse
import ast
import importlib
import inspect
import json
import os
import pkgutil
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Any, get_args

import digitscope
from digitscope.cli import COMMANDS
from digitscope.cli.arguments import OneLineParser
from digitscope.experiments.recipes import RECIPES, settings_type
from digitscope.reading import SHIPPED
from digitscope.scratch import ScratchSettings
from digitscope.serve import create_app
from digitscope.settings import TrainingSettings

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "src" / "digitscope"
CHAPTERS = PACKAGE / "course" / "chapters"

PUBLIC_MODULES = (
    *("digitscope.errors", "digitscope.metrics", "digitscope.records", "digitscope.tables"),
    *("digitscope.experiments.recipes", "digitscope.experiments.run", "digitscope.export"),
    *(f"digitscope.course.{name}" for name in ("neural_nets", "train_utils", "utils", "utils_multiMNIST")),
    *(f"digitscope.course.{name}" for name in ("nnet_fc", "nnet_cnn", "mlp", "conv")),
)
"""Public modules without `__all__`: every documented name that does not begin with an underscore is public."""


def copied_pages() -> Mapping[str, Path]:
    """Return the files that are pages of the site too, by their name there."""
    cards = {f"reference/networks/{name}.md": PACKAGE / "weights" / f"{name}.md" for name in SHIPPED}
    chapters = {
        f"learn/{path.relative_to(CHAPTERS).as_posix()}": path
        for path in sorted(CHAPTERS.rglob("*"))
        if path.is_file()
    }
    measurements = {"background/measurements.md": ROOT / "benchmarks" / "README.md"}
    return MappingProxyType({**chapters, **cards, **measurements})


def write_pages(docs: Path) -> None:
    """Write all of them into the folder `docs`."""
    for name, source in copied_pages().items():
        (docs / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, docs / name)
    reference = docs / "reference"
    (reference / "python").mkdir(parents=True, exist_ok=True)
    pages: dict[str, Iterable[str]] = {"commands": commands(), "recipes": recipes(), "service": service()}
    pages |= {f"python/{name}": page for name, page in python_pages()}
    for name, lines in pages.items():
        (reference / f"{name}.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


# Commands


def commands() -> Iterator[str]:
    """Yield the page of the commands."""
    os.environ["COLUMNS"] = "100"  # which argparse breaks lines for
    yield "# Commands\n\nA command prints its own page with `--help`.\n"
    for name, summary in COMMANDS.items():
        parser = OneLineParser(prog=f"digitscope {name}", description=f"{_capital(summary)}.")
        importlib.import_module(f"digitscope.cli.{name}").COMMAND.configure(parser)
        yield from _command(parser, "##")


def _command(parser: argparse.ArgumentParser, level: str) -> Iterator[str]:
    about, _, example = (parser.epilog or "").rpartition("example: ")
    nested = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    yield f"{level} {parser.prog}\n\n{_plain(parser.description or '')}\n"
    if nested:
        for commands_of in nested:
            for choice, listed in zip(commands_of.choices.values(), commands_of._choices_actions, strict=True):
                choice.description = choice.description or f"{_capital(listed.help or '')}."
                yield from _command(choice, f"{level}#")
        return
    yield f"```console\n$ {example}\n```\n"
    if about.strip():
        yield f"```text\n{about.strip()}\n```\n" if "\n  " in about else f"{_plain(about.strip())}\n"
    for group in parser._mutually_exclusive_groups:
        names = [f"`{action.option_strings[0]}`" for action in group._group_actions]
        yield f"A call has at most one of {', '.join(names)}.\n"
    yield f"```{{program}} {parser.prog}\n```\n"
    formatter = parser._get_formatter()
    for part in parser._action_groups:
        actions = [action for action in part._group_actions if "--help" not in action.option_strings]
        if actions and part.title not in ("positional arguments", "options"):
            yield f"**{_capital(part.title or '')}**\n"
        for action in actions:
            text = _plain(formatter._expand_help(action))
            yield f"```{{option}} {formatter._format_action_invocation(action)}\n{text}\n```\n"


# Python


def public_modules() -> list[str]:
    """Return the names of the packages that declare `__all__`, and of the other public modules."""
    found = (module.name for module in pkgutil.walk_packages(digitscope.__path__, "digitscope.") if module.ispkg)
    declaring = [name for name in found if hasattr(importlib.import_module(name), "__all__")]
    return ["digitscope", *sorted([*declaring, *PUBLIC_MODULES])]


def python_pages() -> Iterator[tuple[str, list[str]]]:
    """Yield the page of each public module; a name that several have is described where it stands first."""
    described: list[object] = []
    texts = dict(pair for path in sorted(PACKAGE.rglob("*.py")) for pair in _constants(path))
    for name in public_modules():
        module, members, page = importlib.import_module(name), "", []
        if hasattr(module, "__all__"):
            values = {each: getattr(module, each) for each in module.__all__ if not each.startswith("_")}
            code = {
                each: value for each, value in values.items() if inspect.isroutine(value) or inspect.isclass(value)
            }
            members = f" {', '.join(each for each, value in code.items() if value not in described)}"
            described += code.values()
            for each in sorted(values.keys() - code):
                page += [f"\n.. autodata:: {name}.{each}", "   :no-value:", "", f"   {texts[each]}"]
        yield (
            name,
            [f"# {name}\n", "```{eval-rst}", f".. automodule:: {name}", f"   :members:{members}", *page, "```"],
        )


def _constants(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the constants that a module describes by a string below them, which autodoc finds nowhere else."""
    for node, below in pairwise(ast.parse(path.read_text(encoding="utf-8")).body):
        match node, below:
            case (
                (ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name))),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                yield name, " ".join(text.split())


# Recipes


def recipes() -> Iterator[str]:
    """Yield the page of the recipes: each with what differs from the defaults, and what every setting means."""
    yield "# Recipes\n\n`digitscope train NAME` trains one. Every setting is a flag too: `--learning-rate 0.05`.\n"
    yield "| recipe | what it trains | task | model |\n| --- | --- | --- | --- |"
    for recipe in RECIPES.values():
        yield f"| [`{recipe.name}`](#{recipe.name}) | {recipe.summary} | {recipe.task} | `{recipe.model}` |"
    yield "\nEach recipe below lists the settings that differ from the [defaults](#settings).\n"
    for recipe in RECIPES.values():
        defaults = settings_type(recipe.model)().as_dict()
        changed = {name: value for name, value in recipe.settings.as_dict().items() if value != defaults[name]}
        yield f"## {recipe.name}\n\n| setting | value |\n| --- | --- |"
        yield from (f"| `{name}` | {_value(value)} |" for name, value in {**changed, **recipe.options}.items())
        yield ""
    meanings: dict[str, str] = {}
    for title, settings in (("Settings", TrainingSettings), ("Settings of the NumPy network", ScratchSettings)):
        meanings |= {
            name: get_args(kind)[1] for name, kind in inspect.get_annotations(settings).items() if get_args(kind)
        }
        yield f"## {title}\n\n| setting | default | meaning |\n| --- | --- | --- |"
        for name, default in settings().as_dict().items():
            yield f"| `{name}` | {_value(default)} | {_plain(meanings[name])} |"
        yield ""


# The service


def service() -> Iterator[str]:
    """Yield the page of the service's API."""
    description = create_app().openapi()
    yield f"# The service\n\n{description['info']['description']}\n"
    yield "`digitscope serve` gives the same description as JSON at `/openapi.json`.\n"
    for path, operations in description["paths"].items():
        for method, operation in operations.items():
            yield from _operation(method.upper(), path, operation)
    yield "## Objects\n"
    for name, schema in description["components"]["schemas"].items():
        yield f"### {name}\n\n{_plain(schema.get('description', ''))}\n"
        yield from _properties(schema)


def _operation(method: str, path: str, operation: Mapping[str, Any]) -> Iterator[str]:
    yield f"## {method} {path}\n\n{_plain(operation['description'])}\n"
    parameters = operation.get("parameters", ())
    if parameters:
        rows = {
            each["name"]: {**each["schema"], "description": each.get("description", "")} for each in parameters
        }
        yield from _properties({"properties": rows}, "parameter")
    for schema, kinds in _by_schema(operation.get("requestBody", {}).get("content", {})):
        yield f"Body, {kinds}: {_type(schema)}. {_plain(schema.get('description', ''))}\n"
        if "properties" in schema:
            yield from _properties(schema)
    problems = [status for status in operation["responses"] if status >= "400"]
    for status, response in operation["responses"].items():
        for kind, body in response.get("content", {}).items() if status < "400" else ():
            yield f"Answer {status}, `{kind}`: {_type(body.get('schema', {}))}\n"
            if "example" in body:
                yield f"```json\n{_example(body['example'])}\n```\n"
        if status < "400" and "content" not in response:
            yield f"Answer {status}: no content\n"
    yield f"Problems: {', '.join(problems)}\n"


def _by_schema(bodies: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], str]]:
    """Yield each schema of `bodies` with the content types that have it."""
    schemas = [body.get("schema", {}) for body in bodies.values()]
    for place, schema in enumerate(schemas):
        if schema not in schemas[:place]:
            yield (
                schema,
                ", ".join(f"`{kind}`" for kind, same in zip(bodies, schemas, strict=True) if same == schema),
            )


def _properties(schema: Mapping[str, Any], head: str = "field") -> Iterator[str]:
    yield f"| {head} | type | meaning |\n| --- | --- | --- |"
    for name, each in schema.get("properties", {}).items():
        default = f" (default: `{json.dumps(each['default'])}`)" if "default" in each else ""
        yield f"| `{name}` | {_type(each)} | {_plain(each.get('description', ''))}{default} |"
    yield ""


def _type(schema: Mapping[str, Any]) -> str:
    """Return a type of JSON schema in words."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    for many in ("anyOf", "oneOf"):
        if many in schema:
            return " or ".join(_type(each) for each in schema[many])
    if "enum" in schema:
        return ", ".join(f"`{each}`" for each in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    return str(schema.get("format") or schema.get("type", "any"))


def _example(value: Any) -> str:
    """Return an example as JSON, lists of numbers on one line each and long strings cut."""
    text = json.dumps(value, indent=2)
    text = re.sub(r"\[([\s\d.,e+-]+)\]", lambda found: f"[{' '.join(found[1].split())}]", text)
    return re.sub(r'"([^"\n]{60})[^"\n]+"', r'"\1…"', text)


# Words


def _plain(text: str) -> str:
    """Return `text` as Markdown that shows it as it is, what stands between backticks as code."""
    parts = re.split(r"(`[^`]*`)", " ".join(text.split()))
    return "".join(part if part.startswith("`") else re.sub(r"([*_<>\[\]|$])", r"\\\1", part) for part in parts)


def _value(value: object) -> str:
    return (
        f"`{value}`" if isinstance(value, str | bool) else f"{value:,}" if isinstance(value, int) else f"{value}"
    )


def _capital(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"
