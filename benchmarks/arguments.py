"""The arguments that several benchmarks share."""

import argparse


def parser_for(description: str | None, *names: str) -> argparse.ArgumentParser:
    """Return a parser with `--json`, and with those of `--seed`, `--model` and `--split` that `names` has."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    if "seed" in names:
        parser.add_argument("--seed", type=int, default=0, metavar="S", help="of what is drawn (default 0)")
    if "model" in names:
        parser.add_argument("--model", default="digit", metavar="NAME", help="that reads digits (default digit)")
    if "split" in names:
        parser.add_argument("--split", choices=("test", "validation"), default="test", help="default test")
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser
