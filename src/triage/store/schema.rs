//! Tables and questions: both databases understand this text. Issues are never deleted, so their numbers are theirs
//! for good.

/// Version of the tables, in `meta`.
pub const VERSION: i64 = 1;

/// Creates what is not there.
pub const TABLES: &str = "
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value BIGINT NOT NULL);
CREATE TABLE IF NOT EXISTS issues (
    id BIGINT PRIMARY KEY,
    title TEXT NOT NULL,
    class TEXT NOT NULL,
    owner TEXT,
    severity TEXT NOT NULL,
    status TEXT NOT NULL DEFAULT 'open',
    first_seen TEXT,
    last_seen TEXT,
    count BIGINT NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS signatures (
    issue BIGINT NOT NULL REFERENCES issues (id),
    exact TEXT NOT NULL,
    coarse TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (exact)
);
CREATE INDEX IF NOT EXISTS signatures_coarse ON signatures (coarse);
CREATE TABLE IF NOT EXISTS sightings (
    dump TEXT PRIMARY KEY,
    issue BIGINT NOT NULL REFERENCES issues (id),
    seen TEXT
);
CREATE TABLE IF NOT EXISTS labels (
    issue BIGINT NOT NULL REFERENCES issues (id),
    label TEXT NOT NULL,
    count BIGINT NOT NULL,
    PRIMARY KEY (issue, label)
);
CREATE TABLE IF NOT EXISTS notes (
    issue BIGINT NOT NULL REFERENCES issues (id),
    at TEXT NOT NULL,
    text TEXT NOT NULL
);
";

/// The orders and questions. To SQLite `$1` is a name, numbered by where it first stands: parameters must first stand
/// in the order of their numbers.
pub mod sql {
    pub const GET_VERSION: &str = "SELECT value FROM meta WHERE name = 'version'";
    pub const SET_VERSION: &str = "INSERT INTO meta (name, value) VALUES ('version', $1)";
    pub const BY_EXACT: &str = "SELECT issue FROM signatures WHERE exact = $1";
    pub const BY_COARSE: &str = "SELECT issue, body FROM signatures WHERE issue IN \
        (SELECT issue FROM signatures WHERE coarse = $1) ORDER BY issue, exact";
    pub const NEXT: &str = "SELECT COALESCE(MAX(id), 0) + 1 FROM issues";
    pub const INSERT: &str = "INSERT INTO issues (id, title, class, owner, severity) VALUES ($1, $2, $3, $4, $5)";
    pub const ADD_SIGNATURE: &str = "INSERT INTO signatures (issue, exact, coarse, body) VALUES ($1, $2, $3, $4) \
        ON CONFLICT (exact) DO NOTHING";
    pub const ADD_SIGHTING: &str =
        "INSERT INTO sightings (dump, issue, seen) VALUES ($1, $2, $3) ON CONFLICT (dump) DO NOTHING";
    pub const ADD_LABEL: &str = "INSERT INTO labels (issue, label, count) VALUES ($1, $2, $3) \
        ON CONFLICT (issue, label) DO UPDATE SET count = labels.count + excluded.count";
    pub const TOUCH: &str = "UPDATE issues SET count = count + $1, \
        first_seen = CASE WHEN first_seen IS NULL OR first_seen > $2 THEN COALESCE($2, first_seen) ELSE first_seen END, \
        last_seen = CASE WHEN last_seen IS NULL OR last_seen < $3 THEN COALESCE($3, last_seen) ELSE last_seen END \
        WHERE id = $4";
    pub const SET_STATUS: &str = "UPDATE issues SET status = $1 WHERE id = $2";
    pub const ADD_NOTE: &str = "INSERT INTO notes (issue, at, text) VALUES ($1, $2, $3)";
    pub const ISSUE: &str = "SELECT title, status, first_seen, last_seen, count FROM issues WHERE id = $1";
    pub const LABELS: &str = "SELECT label, count FROM labels WHERE issue = $1 ORDER BY label";
    pub const NOTES: &str = "SELECT text FROM notes WHERE issue = $1 ORDER BY at, text";
    pub const ALL: &str = "SELECT id FROM issues ORDER BY last_seen DESC, id";
}
