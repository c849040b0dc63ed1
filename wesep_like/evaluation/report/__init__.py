"""The report of an evaluation: one HTML file with its pictures and sounds inside."""

from wesep_like.evaluation.report.page import is_scored, write_report

__all__ = ["is_scored", "write_report"]
