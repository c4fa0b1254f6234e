"""The tables of a file of values; `store` reads and writes them."""

VERSION = 2  # SQLite's `user_version` of the file; 0 is a file without these tables
OF_A_PAGE = ""  # the name of a row of `fields` that is a refused page and no field

TABLES = """
CREATE TABLE description (toml TEXT NOT NULL, begun TEXT NOT NULL);
CREATE TABLE forms (
    id INTEGER PRIMARY KEY,
    file NOT NULL,                -- its path: text, or bytes that are no UTF-8
    page INTEGER NOT NULL,        -- from 0
    refused TEXT,                 -- why the page was not read; NULL if it was
    read TEXT NOT NULL,           -- when, UTC
    UNIQUE (file, page)
);
CREATE TABLE fields (             -- as read; rows never change. One without a name is a page that was refused
    id INTEGER PRIMARY KEY,
    form INTEGER NOT NULL REFERENCES forms,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    confidence REAL NOT NULL,
    second TEXT,                  -- the next best value
    reason TEXT,                  -- why somebody should look at it; NULL if nobody need
    box TEXT NOT NULL,            -- [left, top, width, height] in pixels of the picture
    crop BLOB NOT NULL,           -- PNG
    digits BLOB,                  -- PNG: what the digit network saw of each, 28x28, one below the other
    UNIQUE (form, name)
);
CREATE INDEX doubtful ON fields (id) WHERE reason IS NOT NULL;
CREATE TABLE corrections (        -- rows never change: the newest that is not withdrawn holds
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    field INTEGER NOT NULL REFERENCES fields,
    value TEXT,                   -- NULL in a row that withdraws another
    withdraws INTEGER UNIQUE REFERENCES corrections,
    by TEXT NOT NULL,
    at TEXT NOT NULL,
    key TEXT NOT NULL UNIQUE      -- of the request: one that is sent twice counts once
);
CREATE INDEX corrections_of ON corrections (field);
CREATE TABLE claims (field INTEGER PRIMARY KEY REFERENCES fields, by TEXT NOT NULL, until REAL NOT NULL);
CREATE VIEW standing AS
    SELECT * FROM corrections
    WHERE withdraws IS NULL AND id NOT IN (SELECT withdraws FROM corrections WHERE withdraws IS NOT NULL);
CREATE VIEW holding AS SELECT max(id) AS id, field, value, by, at FROM standing GROUP BY field;
"""

FROM_VERSION_1 = """
ALTER TABLE fields ADD COLUMN digits BLOB;
INSERT INTO fields (form, name, value, confidence, reason, box, crop)
    SELECT id, '', '', 0, refused, '[0, 0, 0, 0]', :crop FROM forms WHERE refused IS NOT NULL
"""
"""Statements that add to a file of version 1 what it lacks; its refused pages get the image `crop`."""
