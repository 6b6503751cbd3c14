#!/usr/bin/env python3
"""Makes the database that enrich.test.yaml expects, or makes it anew.

    make_database.py FILE
"""

import sqlite3
import sys
from pathlib import Path

Path(sys.argv[1]).unlink(missing_ok=True)
database = sqlite3.connect(sys.argv[1])
database.execute("CREATE TABLE customers (id TEXT PRIMARY KEY, name TEXT NOT NULL, tier INTEGER) WITHOUT ROWID")
database.executemany("INSERT INTO customers VALUES (?, ?, ?)", [("c1", "Ann", 1), ("c2", 'Bob "Bobby" Brown', None)])
database.commit()
