"""Let nbval execute cells as a notebook does: with history, so that a final `;` silences a line."""

from nbval.kernel import RunningKernel


def execute_with_history(self, cell_input, allow_stdin=None):
    """Replace nbval's method, which leaves the history out."""
    return self.kc.execute(cell_input, allow_stdin=allow_stdin, stop_on_error=False)


RunningKernel.execute_cell_input = execute_with_history
