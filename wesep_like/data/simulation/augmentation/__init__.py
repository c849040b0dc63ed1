"""What is done to voices and enrollments, so that a model hears more than its corpus has."""
