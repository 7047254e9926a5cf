-- +goose Up
INSERT INTO sequence (name, value) VALUES ('record', 0);

-- Contributions: one row per envelope taken, with the receipt it was given.
CREATE TABLE contribution (
    id       TEXT   PRIMARY KEY,
    member   TEXT   NOT NULL REFERENCES member (id),
    received BIGINT NOT NULL,
    receipt  BLOB   NOT NULL
);

-- Report revisions, append-only but for superseded. body is sealed.
CREATE TABLE report (
    seq          BIGINT   PRIMARY KEY,
    contribution TEXT     NOT NULL REFERENCES contribution (id),
    report       TEXT     NOT NULL,
    revision     BIGINT   NOT NULL,
    member       TEXT     NOT NULL REFERENCES member (id),
    owner_group  TEXT     NOT NULL,
    agreement    TEXT     NOT NULL,
    sector       TEXT     NOT NULL,
    standard     TEXT     NOT NULL,
    received     BIGINT   NOT NULL,
    digest       BLOB     NOT NULL,
    body         BLOB     NOT NULL,
    superseded   SMALLINT NOT NULL DEFAULT 0,
    erased       SMALLINT NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX report_revision ON report (member, report, revision) WHERE erased = 0;
CREATE UNIQUE INDEX report_newest ON report (member, report) WHERE superseded = 0 AND erased = 0;
CREATE INDEX report_by_member ON report (member, seq);

-- The key of each body, wrapped, apart from it: erasing the row erases the
-- report in every copy of the table above.
CREATE TABLE report_key (
    seq     BIGINT PRIMARY KEY REFERENCES report (seq),
    wrapped BLOB   NOT NULL
);

-- Nil reports: nothing happened is not nothing reported.
CREATE TABLE nil_report (
    member       TEXT   NOT NULL REFERENCES member (id),
    sector       TEXT   NOT NULL,
    period       TEXT   NOT NULL,
    received     BIGINT NOT NULL,
    contribution TEXT   NOT NULL REFERENCES contribution (id),
    PRIMARY KEY (member, sector, period)
);
