"""Every small edit that a module could suffer: what stands there, and what would stand there instead (pure).

An edit replaces one expression or statement by its neighbour: a comparison by the next one, a condition by its
opposite, a number by the one after it, a statement by nothing. Prose is left alone: docstrings, annotations, log
calls, sentences and `__repr__` say nothing that a test should hold.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass

_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
}
_NAMES = {"min": "max", "max": "min", "any": "all", "all": "any"}
_LOGGERS = frozenset({"log", "logger"})
_UNTOLD = frozenset({"__repr__", "__str__"})
_LONGEST_WORD = 40


@dataclass(frozen=True, slots=True)
class Edit:
    """One edit of one file: bytes `start` to `end` of the source become `after`."""

    path: str
    line: int
    where: str  # the function or class it stands in; empty for the module itself
    kind: str
    before: str
    after: str
    start: int
    end: int
    at_import: bool  # it stands outside every function, so it runs when the module is imported

    @property
    def name(self) -> str:
        """How the edit is named in reports and in the list of harmless ones; does not change with line numbers."""
        return f"{self.path} | {self.where or 'module'} | {_one_line(self.before)} -> {_one_line(self.after)}"

    def applied(self, source: bytes) -> bytes:
        """The module with this edit."""
        return source[: self.start] + self.after.encode() + source[self.end :]


def edits_of(path: str, source: bytes) -> list[Edit]:
    """Every edit of one module, in the order of the text."""
    finder = _Finder(path, source)
    finder.visit(ast.parse(source))
    return sorted(finder.found, key=lambda edit: (edit.start, edit.end, edit.after))


def _one_line(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= 90 else flat[:87] + "..."


class _Finder(ast.NodeVisitor):
    def __init__(self, path: str, source: bytes) -> None:
        self.found: list[Edit] = []
        self._path, self._source = path, source
        self._starts = [0]
        for text in source.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(text))
        self._scope: list[str] = []
        self._functions = 0

    # What an edit is made of.

    def _replace(self, node: ast.expr | ast.stmt, kind: str, new: ast.AST | str) -> None:
        after = new if isinstance(new, str) else ast.unparse(ast.fix_missing_locations(new))
        start = self._starts[node.lineno - 1] + node.col_offset
        end = self._starts[(node.end_lineno or node.lineno) - 1] + (node.end_col_offset or 0)
        before = self._source[start:end].decode()
        if isinstance(node, ast.expr):
            after = f"({after})" if not isinstance(new, str) and _needs_brackets(new) else after
        if before == after:
            return
        where = ".".join(self._scope)
        self.found.append(Edit(self._path, node.lineno, where, kind, before, after, start, end, self._functions == 0))

    def _with(self, node: ast.expr, kind: str, **fields: object) -> None:
        changed = copy.copy(node)
        for name, value in fields.items():
            setattr(changed, name, value)
        self._replace(node, kind, changed)

    # Where edits are looked for.

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        if any(ast.unparse(base).startswith("Protocol") for base in node.bases):
            return
        self._scope.append(node.name)
        self._body(node.body)
        self._scope.pop()

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        if node.name in _UNTOLD:
            return
        for default in (*node.args.defaults, *filter(None, node.args.kw_defaults)):
            self.visit(default)
        self._scope.append(node.name)
        self._functions += 1
        self._body(node.body)
        self._functions -= 1
        self._scope.pop()

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self._function(node)

    def visit_Module(self, node: ast.Module) -> None:
        self._body(node.body)

    def _body(self, body: list[ast.stmt]) -> None:
        for statement in body:
            if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
                continue  # a docstring
            self.visit(statement)

    def visit_Import(self, node: ast.Import) -> None:
        return

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        return

    def visit_Assert(self, node: ast.Assert) -> None:
        return  # it tells the type checker what is so

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        return  # prose; and positions inside are not those of the file before Python 3.12

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None and not _is_alias(node):
            self.visit(node.value)

    def visit_Assign(self, node: ast.Assign) -> None:
        names = [target.id for target in node.targets if isinstance(target, ast.Name)]
        if any(name in _LOGGERS or name in ("__all__", "__slots__") for name in names):
            return
        if isinstance(node.value, ast.Call) and ast.unparse(node.value.func) in (
            "TypeVar",
            "NewType",
            "structlog.get_logger",
        ):
            return
        self.visit(node.value)

    # Statements.

    def visit_If(self, node: ast.If) -> None:
        if ast.unparse(node.test) == "TYPE_CHECKING":
            return
        self._condition(node.test)
        self._body(node.body)
        self._body(node.orelse)

    def visit_While(self, node: ast.While) -> None:
        self.visit(node.test)
        self._body(node.body)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        self._condition(node.test)
        self.visit(node.body)
        self.visit(node.orelse)

    def _condition(self, test: ast.expr) -> None:
        """An `if` the other way round; a comparison or a `not` has its own edit that says the same."""
        if isinstance(test, ast.Name | ast.Attribute | ast.Call | ast.Subscript):
            self._replace(test, "condition", f"(not {ast.unparse(test)})")
        self.visit(test)

    def visit_Expr(self, node: ast.Expr) -> None:
        if isinstance(node.value, ast.Await):
            called: ast.expr = node.value.value
        else:
            called = node.value
        if _is_log(called):
            return
        self._replace(node, "statement", "pass")
        self.visit(node.value)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self._replace(node, "statement", "pass")
        self.visit(node.value)

    def visit_Raise(self, node: ast.Raise) -> None:
        self._replace(node, "statement", "pass")
        if isinstance(node.exc, ast.Call):
            self._call(node.exc)

    def visit_Continue(self, node: ast.Continue) -> None:
        self._replace(node, "statement", "pass")

    def visit_Break(self, node: ast.Break) -> None:
        self._replace(node, "statement", "pass")

    def visit_Return(self, node: ast.Return) -> None:
        if node.value is None:
            self._replace(node, "statement", "pass")
        else:
            self.visit(node.value)

    def visit_Delete(self, node: ast.Delete) -> None:
        self._replace(node, "statement", "pass")

    # Expressions.

    def visit_Compare(self, node: ast.Compare) -> None:
        for place, operator in enumerate(node.ops):
            ops = list(node.ops)
            ops[place] = _COMPARISONS[type(operator)]()
            self._with(node, "comparison", ops=ops)
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        self._with(node, "and-or", op=ast.Or() if isinstance(node.op, ast.And) else ast.And())
        for place in range(len(node.values)):
            left = [value for index, value in enumerate(node.values) if index != place]
            if len(left) == 1:
                self._replace(node, "operand", left[0])
            else:
                self._with(node, "operand", values=left)
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        if isinstance(node.op, ast.Not):
            self._replace(node, "not", node.operand)
        elif isinstance(node.op, ast.USub) and not isinstance(node.operand, ast.Constant):
            self._replace(node, "sign", node.operand)
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        other = _OPERATORS.get(type(node.op))
        if other is not None and not _is_text(node.left) and not _is_text(node.right):
            self._with(node, "operator", op=other())
        elif isinstance(node.op, ast.BitOr):
            self._replace(node, "operand", node.left)
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        value = node.value
        if isinstance(value, bool):
            self._replace(node, "constant", str(not value))
        elif isinstance(value, int):
            self._replace(node, "constant", str(value + 1))
        elif isinstance(value, float):
            self._replace(node, "constant", repr(value * 2 or 1.0))
        elif isinstance(value, str) and value and " " not in value and len(value) <= _LONGEST_WORD:
            self._replace(node, "word", repr(value + "_"))
        elif value == "":
            self._replace(node, "word", "'_'")

    def visit_Call(self, node: ast.Call) -> None:
        if not _is_log(node):
            self._call(node)

    def _call(self, node: ast.Call) -> None:
        for place, keyword in enumerate(node.keywords):
            if keyword.arg is not None:
                rest = [other for index, other in enumerate(node.keywords) if index != place]
                self._with(node, "argument", keywords=rest)
        if isinstance(node.func, ast.Name) and node.func.id in _NAMES:
            self._with(node, "name", func=ast.Name(_NAMES[node.func.id], ast.Load()))
        self.generic_visit(node)

    def _comprehension(self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp) -> None:
        for place, part in enumerate(node.generators):
            if part.ifs:
                generators = list(node.generators)
                generators[place] = ast.comprehension(part.target, part.iter, part.ifs[1:], part.is_async)
                self._with(node, "filter", generators=generators)
        self.generic_visit(node)

    def visit_ListComp(self, node: ast.ListComp) -> None:
        self._comprehension(node)

    def visit_SetComp(self, node: ast.SetComp) -> None:
        self._comprehension(node)

    def visit_DictComp(self, node: ast.DictComp) -> None:
        self._comprehension(node)

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> None:
        self._comprehension(node)


def _needs_brackets(node: ast.AST) -> bool:
    return isinstance(node, ast.BoolOp | ast.Compare | ast.BinOp | ast.UnaryOp | ast.IfExp | ast.Lambda)


def _is_log(node: ast.expr) -> bool:
    """A call of a logger, or of `print`: what it says is for people."""
    if not isinstance(node, ast.Call):
        return False
    if isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name):
        return node.func.value.id in _LOGGERS
    return False


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def _is_alias(node: ast.AnnAssign) -> bool:
    return ast.unparse(node.annotation).endswith("TypeAlias")


def each_edit(sources: dict[str, bytes]) -> Iterator[Edit]:
    """Every edit of several modules, by path."""
    for path in sorted(sources):
        yield from edits_of(path, sources[path])
