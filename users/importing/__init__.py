"""Bulk import of files: CSV, JSON Lines and Parquet, each also gzipped, through the same ingestion as the API."""

from users.importing.kinds import KINDS
from users.importing.readers import FileError
from users.importing.run import ImportOptions, ImportOutcome, RefusedLine, import_file

__all__ = ["KINDS", "FileError", "ImportOptions", "ImportOutcome", "RefusedLine", "import_file"]
