"""ViewDefinition ─▶ DuckDB SQL, as text.  See rwe.views.compile."""

from rwe.views.columns import Column
from rwe.views.compile import CompiledView, compile_view

__all__ = ["Column", "CompiledView", "compile_view"]
