"""Completion of commands and their flags in bash, zsh and fish, written from the commands' declarations."""

import os
import re
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

from digitscope.cli.arguments import OneLineParser
from digitscope.files import write_text

BASH = """\
_digitscope() {{
    local words
    case "${{COMP_WORDS[1]}}" in
{cases}
        *) words="{first}" ;;
    esac
    COMPREPLY=($(compgen -W "$words" -- "${{COMP_WORDS[COMP_CWORD]}}"))
}}
complete -o default -F _digitscope digitscope
"""

ZSH = """\
#compdef digitscope
local flags
case "$words[2]" in
{cases}
    *) flags="{first}" ;;
esac
compadd -- ${{=flags}}
(( CURRENT > 2 )) && _files
"""


def install(commands: Mapping[str, str]) -> None:
    """Write a completion file for each shell where the shell looks for it, and print their paths.

    Raises:
        OSError: a file cannot be written.
    """
    flags = {name: _flags_of(name) for name in commands}
    first = " ".join([*commands, "--help", "--version", "--install-completion"])
    data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    config = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    cases = {
        shell: "\n".join(f'{indent}{name}) {variable}="{" ".join(words)}" ;;' for name, words in flags.items())
        for shell, variable, indent in (("bash", "words", " " * 8), ("zsh", "flags", " " * 4))
    }
    fish = [f'complete -c digitscope -f -n __fish_use_subcommand -a "{first}"']
    for name, words in flags.items():
        seen = f'complete -c digitscope -n "__fish_seen_subcommand_from {name}"'
        fish += [f"{seen} -l {word[2:]}" if word.startswith("--") else f"{seen} -a {word}" for word in words]
    zsh = data / "zsh" / "site-functions"
    files = {
        data / "bash-completion" / "completions" / "digitscope": BASH.format(cases=cases["bash"], first=first),
        zsh / "_digitscope": ZSH.format(cases=cases["zsh"], first=first),
        config / "fish" / "completions" / "digitscope.fish": "\n".join(fish) + "\n",
    }
    for path, content in files.items():
        write_text(path, content)
        print(path)
    print(f"zsh finds it with this line in .zshrc, before compinit: fpath=({zsh} $fpath)")


def _flags_of(command: str) -> list[str]:
    """Return the flags and actions of a command; none if a package that it needs is not installed."""
    parser = OneLineParser(prog="digitscope")
    try:
        declared = import_module(f"digitscope.cli.{command}").COMMAND
    except ImportError:
        return []
    declared.configure(parser)
    return [
        *declared.actions,
        *dict.fromkeys(re.findall(r"(?<=\[)--[\w-]+|(?<=\| )--[\w-]+", parser.format_usage())),
    ]
