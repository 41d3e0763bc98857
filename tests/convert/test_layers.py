"""The modules of the converter import only downwards, in the order that the package tells."""

import ast
import re
import unittest

from case import ROOT

PACKAGE = ROOT / "tools" / "convert_pt"


class TestLayers(unittest.TestCase):
    def test_imports_point_down(self):
        plan = ast.get_docstring(ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8")))
        order = re.findall(r"^    (\w+) {2,}\w", plan, re.M)
        modules = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__"}
        self.assertEqual(set(order), modules)
        for module in modules:
            tree = ast.parse((PACKAGE / (module + ".py")).read_text(encoding="utf-8"))
            for node in ast.walk(tree):
                if isinstance(node, ast.ImportFrom) and node.level:
                    names = [node.module] if node.module else [alias.name for alias in node.names]
                    for name in names:
                        self.assertGreater(order.index(name), order.index(module),
                                           "%s imports %s" % (module, name))

    def test_nothing_is_imported_within_functions(self):
        """An import within a function is how a circle hides."""
        for path in PACKAGE.glob("*.py"):
            for node in ast.parse(path.read_text(encoding="utf-8")).body:
                inner = [n for n in ast.walk(node) if isinstance(n, (ast.Import, ast.ImportFrom)) and n is not node]
                self.assertEqual(inner, [], path.name)
