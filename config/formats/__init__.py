"""Where numbers are written otherwise than Django has it."""
