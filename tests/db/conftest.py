"""The databases of tests/profile_service, for the tests of the schema."""

import importlib.util
from pathlib import Path

_there = Path(__file__).parents[1] / "profile_service" / "conftest.py"
_spec = importlib.util.spec_from_file_location("profile_service_databases", _there)
_shared = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_shared)

postgres_server = _shared.postgres_server
postgres_template = _shared.postgres_template
sqlite_template = _shared.sqlite_template
database_kind = _shared.database_kind
new_database = _shared.new_database
make_record = _shared.make_record
make_wav = _shared.make_wav
