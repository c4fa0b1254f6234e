"""How Sphinx makes the site: `make docs` writes it to docs/_build/html, and every warning is an error."""

import inspect
import os
import re
import sys
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

from sphinx.application import Sphinx

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS))

import generate  # noqa: E402 - which stands beside this file, as answers does

os.environ["DIGITSCOPE_OFFLINE"] = "1"  # chapters run on the digits that are here, or on the embedded ones
generate.write_pages(DOCS)

project = "digitscope"
version = release = generate.digitscope.__version__
copyright = "the digitscope developers"  # noqa: A001 - Sphinx's name for it
extensions = [
    *("sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"),
    *("sphinx.ext.mathjax", "sphinx-mathjax-offline"),  # MathJax in the site itself, and not from elsewhere
    *("myst_nb", "sphinx_copybutton", "answers"),
]
exclude_patterns = ["_build"]

html_theme = "furo"
html_title = "digitscope"
html_favicon = "../src/digitscope/serve/page/icon.svg"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False

smartquotes = False  # which would change what people copy
highlight_language = "bash"  # of indented blocks, which are calls
default_role = "py:obj"  # single backticks in docstrings: a link where it is a public name, code elsewhere
autodoc_default_options = {"exclude-members": "set_fit_request, set_partial_fit_request, set_score_request"}
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
python_maximum_signature_line_length = 80
napoleon_use_ivar = True

myst_enable_extensions = ["amsmath", "dollarmath"]
myst_heading_anchors = 3
nb_execution_mode = "force"
nb_execution_timeout = 180
nb_execution_show_tb = True
nb_output_stderr = "warn"
copybutton_prompt_text = "$ "


def point_into_the_site(app: Sphinx, page: str, content: list[str]) -> None:
    """Let links to files outside of docs/ lead to the page that shows them, or to a copy of the file."""
    pages = {source: DOCS / name for name, source in generate.copied_pages().items()}
    here = DOCS / f"{page}.md"
    origin = next((source for source, copy in pages.items() if copy == here), here)

    def pointed(link: re.Match[str]) -> str:
        target = (origin.parent / link[1]).resolve()
        if not target.is_file():  # code, such as layers[0](x), or a dead link, which is found later
            return link[0]
        if target not in pages and DOCS in target.parents and origin == here:
            return link[0]
        kind = "" if target in pages or DOCS in target.parents else "path:"
        return f"]({kind}{os.path.relpath(pages.get(target, target), here.parent)}{link[2]}"

    content[0] = re.sub(r"\]\(([^()#\s:]+)([#)])", pointed, content[0])


def tell_settings(app: Sphinx, what: str, name: str, value: Any, options: object, lines: list[str]) -> None:
    """Add the fields of settings to their docstring: their annotations have the texts, as `--help` does."""
    kinds = inspect.get_annotations(value) if what == "class" else {}
    texts = {field: get_args(kind)[1] for field, kind in kinds.items() if get_origin(kind) is Annotated}
    if texts:
        lines += ["", "Attributes:", *(f"    {field}: {text}" for field, text in texts.items())]


def drop_annotations(app: Sphinx, value: Any, bound: object) -> None:
    """Leave only the types in the signature of settings."""
    if inspect.isfunction(value):
        kinds = value.__annotations__
        value.__annotations__ = {
            name: get_args(kind)[0] if get_origin(kind) is Annotated else kind for name, kind in kinds.items()
        }


def setup(app: Sphinx) -> None:
    """Connect the above."""
    app.connect("source-read", point_into_the_site)
    app.connect("autodoc-process-docstring", tell_settings, priority=400)  # before napoleon
    app.connect("autodoc-before-process-signature", drop_annotations)
