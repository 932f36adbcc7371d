"""Templates of users, in Jinja's sandbox and narrower: no calls, loops over what is there, bounded text and time.

A template may use variables, if, for, set, comparisons, plus and minus, ``~``, tests, and the filters in `FILTERS`
(there is no ``safe`` and no ``autoescape``: what a realserver said never becomes markup). Each turn of a loop and each
filter spends from an allowance, each text that is put together is bounded, and lists hold constants only, so that no
template, however its loops are nested, takes more than a moment or a few megabytes.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from typing import Any, Final, cast

from jinja2 import StrictUndefined, TemplateError, meta, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

MAX_SOURCE: Final = 16 * 1024
"""Characters of a template: a long page."""

MAX_STEPS: Final = 100_000
"""Turns of all loops together, each counted with what stands in the loop: every condition of a message, with
everything that is said of it, several times over."""

MAX_FILTERED: Final = 1_000_000
"""Characters, or items of lists, that all filters together go over: half a second for the slowest of them."""

MAX_ITEMS: Final = 1000
"""Items of a list that is put together: all conditions of a message several times."""

MAX_BETWEEN: Final = 100
"""Characters that a list is joined with."""

MAX_TEXT: Final = 64 * 1024
"""Characters of what comes out, and of each text on the way: far more than anybody reads."""

FILTERS: Final = frozenset(
    [
        "capitalize",
        "default",
        "escape",
        "e",
        "first",
        "join",
        "last",
        "length",
        "lower",
        "sort",
        "title",
        "trim",
        "truncate",
        "unique",
        "upper",
        "int",
        "string",
        "list",
        "reverse",
    ]
)

_REFUSED: Final[Mapping[type[nodes.Node], str]] = {
    nodes.Call: "a call: a template may use variables and filters",
    nodes.CallBlock: "a call: a template may use variables and filters",
    nodes.Macro: "a macro: write it out",
    nodes.Include: "include: a template stands alone",
    nodes.Import: "import: a template stands alone",
    nodes.FromImport: "import: a template stands alone",
    nodes.Extends: "extends: a template stands alone",
    nodes.Block: "a block: a template stands alone",
    nodes.Mul: "a product: leave it out",
    nodes.Pow: "a power: leave it out",
    nodes.Mod: "a remainder or a format: leave it out",
    nodes.Div: "a quotient: leave it out",
    nodes.FloorDiv: "a quotient: leave it out",
    nodes.AssignBlock: "a set with an end: write {% set name = value %}",
    nodes.FilterBlock: "a filter with an end: write {{ value|filter }}",
    nodes.Dict: "a dictionary: leave it out",
    nodes.EvalContextModifier: "autoescape: html is always escaped, and plain text never",
}


class TemplateRefused(ValueError):
    """A template that may not be used, with what is wrong in words for users."""


class Template:
    """A compiled template. ``escaped`` makes what is put into it harmless for HTML.

    ``variables`` are the names that it takes from outside.
    """

    def __init__(self, source: str, *, escaped: bool = False) -> None:
        """Raise TemplateRefused."""
        if len(source) > MAX_SOURCE:
            raise TemplateRefused(f"it is longer than {MAX_SOURCE} characters: write a shorter one")
        self._environment = _Environment(autoescape=escaped)
        try:
            self._template = self._environment.from_string(source)
        except TemplateRefused:
            raise
        except TemplateError as error:
            line = getattr(error, "lineno", None)
            raise TemplateRefused(f"{error}" + (f" (line {line} of it)" if line else "")) from None
        except RecursionError:
            raise TemplateRefused("it is nested too deeply: write it flat") from None
        self.variables = self._environment.variables

    def render(self, values: Mapping[str, Any]) -> str:
        """Return the text; raise ValueError saying what went wrong."""
        self._environment.steps, self._environment.filtered = MAX_STEPS, MAX_FILTERED
        text = ""
        try:
            for piece in self._template.generate(values):
                text += piece
                self._environment.bounded(text)
        except TemplateRefused:
            raise
        except Exception as error:
            # Whatever a template does, the alert goes out with the default text.
            raise TemplateRefused(f"{type(error).__name__}: {error}") from error
        return text


class _Environment(ImmutableSandboxedEnvironment):
    def __init__(self, *, autoescape: bool) -> None:
        super().__init__(autoescape=autoescape, extensions=(), cache_size=0, undefined=StrictUndefined)
        self.variables = frozenset[str]()
        self.steps, self.filtered = MAX_STEPS, MAX_FILTERED
        filters: dict[str, Callable[..., Any]] = {name: self.filters[name] for name in FILTERS}
        self.filters = {**filters, "_counted": self._counted, "_bounded": self.bounded, "_spent": self._spent}
        self.globals = {}

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        for node in tree.find_all(nodes.Node):
            _refuse(node)
        self.variables = frozenset(meta.find_undeclared_variables(tree))
        bounding: nodes.Template = _Bounding().visit(tree)
        return bounding

    def _counted(self, items: Iterable[Any], weight: int) -> Iterator[Any]:
        for item in items:
            self.steps -= weight
            if self.steps < 0:
                raise TemplateRefused(f"its loops take more turns than it has: {MAX_STEPS} for all that stands in them")
            yield item

    def _spent(self, value: Any) -> Any:
        self.filtered -= 1 + (len(value) if isinstance(value, Sized) else 0)
        if self.filtered < 0:
            raise TemplateRefused(f"its filters go over more than {MAX_FILTERED} characters")
        return value

    @staticmethod
    def bounded(value: Any) -> Any:
        if isinstance(value, str) and len(value) > MAX_TEXT:
            raise TemplateRefused(f"it puts together more than {MAX_TEXT} characters")
        if isinstance(value, list | tuple) and len(value) > MAX_ITEMS:
            raise TemplateRefused(f"it puts together a list of more than {MAX_ITEMS} items")
        return value


def _refuse(node: nodes.Node) -> None:
    for kind, what in _REFUSED.items():
        if isinstance(node, kind):
            raise TemplateRefused(f"line {node.lineno} has {what}")
    if isinstance(node, nodes.Name) and node.name == "self":
        raise TemplateRefused(f"line {node.lineno} has self: a template stands alone")
    if isinstance(node, nodes.For) and node.recursive:
        raise TemplateRefused(f"line {node.lineno} has a recursive loop: write it out")
    if isinstance(node, nodes.Filter) and node.name not in FILTERS:
        raise TemplateRefused(
            f'line {node.lineno} has the filter "{node.name}", and there are only {", ".join(sorted(FILTERS))}'
        )
    if isinstance(node, nodes.Filter) and node.name == "join" and not _joins_shortly(node):
        raise TemplateRefused(f"line {node.lineno} joins with more than a short constant: write it out")
    if isinstance(node, nodes.List | nodes.Tuple) and not _holds_constants(node):
        raise TemplateRefused(f"line {node.lineno} has a list of more than constants: use each value by itself")


def _holds_constants(node: nodes.List | nodes.Tuple) -> bool:
    """Say whether it does; what a loop sets may be several names."""
    return getattr(node, "ctx", "load") == "store" or all(isinstance(item, nodes.Const) for item in node.items)


def _joins_shortly(node: nodes.Filter) -> bool:
    between = [*node.args[:1], *(pair.value for pair in node.kwargs if pair.key == "d")]
    known = node.dyn_args is node.dyn_kwargs is None
    return known and all(isinstance(one, nodes.Const) and len(str(one.value)) <= MAX_BETWEEN for one in between)


class _Bounding(NodeTransformer):
    """Puts a filter round what may grow or take long: loops, filters, texts and lists that are added up."""

    def visit_For(self, node: nodes.For) -> nodes.Node:  # noqa: N802  jinja's way
        weight = sum(1 for _ in node.find_all(nodes.Node))
        self.generic_visit(node)
        node.iter = _filtered(cast("nodes.Expr", node.iter), "_counted", nodes.Const(weight))
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        return _filtered(node, "_bounded")

    def visit_Add(self, node: nodes.Add) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        return _filtered(node, "_bounded")

    def visit_Filter(self, node: nodes.Filter) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        node.node = _filtered(cast("nodes.Expr", node.node), "_spent")
        return _filtered(node, "_bounded") if node.name == "join" else node


def _filtered(node: nodes.Expr, name: str, *arguments: nodes.Expr) -> nodes.Filter:
    return nodes.Filter(node, name, list(arguments), [], None, None, lineno=node.lineno)
