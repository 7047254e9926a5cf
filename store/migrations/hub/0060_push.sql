-- +goose Up
-- What a member signed so that a tool may push with a token (DSSE); empty for
-- one that only reads.
ALTER TABLE member_token ADD COLUMN delegation BLOB;

-- Requests of tools to add objects, in the order of n. body holds the objects,
-- sealed under a key of the hub, until they are taken in, and is empty from then
-- on; status, sealed too, tells what became of each. Times are milliseconds since
-- 1970; finished is 0 before, due when somebody may take it up (again).
CREATE TABLE push (
    id       TEXT   PRIMARY KEY,
    n        BIGINT NOT NULL,
    member   TEXT   NOT NULL REFERENCES member (id),
    sector   TEXT   NOT NULL,
    token    BLOB   NOT NULL,
    received BIGINT NOT NULL,
    due      BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    finished BIGINT NOT NULL,
    body     BLOB   NOT NULL,
    status   BLOB   NOT NULL
);
CREATE INDEX push_waiting ON push (member, n) WHERE finished = 0;
CREATE INDEX push_finished ON push (finished) WHERE finished > 0;
INSERT INTO sequence (name, value) VALUES ('push', 0);

-- Objects that were pushed, each by a keyed digest of its id: the version that
-- was taken last (microseconds since 1970), a keyed digest of what was told of
-- it, the number of when it was last deleted (0 if never), and how often what was
-- told of it was taken back: what is told then is another report.
CREATE TABLE push_object (
    member    TEXT   NOT NULL REFERENCES member (id),
    sector    TEXT   NOT NULL,
    object    BLOB   NOT NULL,
    version   BIGINT NOT NULL,
    digest    BLOB   NOT NULL,
    withdrawn BIGINT NOT NULL,
    life      BIGINT NOT NULL,
    PRIMARY KEY (member, sector, object)
);

-- The reports that were made of each, alone or with others.
CREATE TABLE push_report (
    member TEXT NOT NULL REFERENCES member (id),
    sector TEXT NOT NULL,
    object BLOB NOT NULL,
    report TEXT NOT NULL,
    PRIMARY KEY (member, sector, object, report)
);
CREATE INDEX push_report_by_report ON push_report (member, report);
