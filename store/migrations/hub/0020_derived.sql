-- +goose Up
-- Snapshots of statistics: analyse's own encoding, unprotected inside; they
-- can be dropped and taken again.
CREATE TABLE snapshot (
    id     TEXT   PRIMARY KEY,
    sector TEXT   NOT NULL,
    taken  BIGINT NOT NULL,
    data   BLOB   NOT NULL
);
CREATE INDEX snapshot_newest ON snapshot (sector, taken);

-- Releases: about is the description as JSON.
CREATE TABLE release (
    id     TEXT   PRIMARY KEY,
    sector TEXT   NOT NULL,
    made   BIGINT NOT NULL,
    about  BLOB   NOT NULL
);
CREATE INDEX release_newest ON release (sector, made);

CREATE TABLE release_file (
    release_id TEXT NOT NULL REFERENCES release (id),
    name       TEXT NOT NULL,
    content    BLOB NOT NULL,
    PRIMARY KEY (release_id, name)
);
