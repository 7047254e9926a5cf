-- +goose Up
-- Numbers that readers page by; see nextSequence.
CREATE TABLE sequence (
    name  TEXT   PRIMARY KEY,
    value BIGINT NOT NULL
);
INSERT INTO sequence (name, value) VALUES ('outbox', 0);

-- Contributions in the order of queueing. The envelope is forgotten once the
-- receipt is held.
CREATE TABLE outbox_entry (
    seq       BIGINT PRIMARY KEY,
    id        TEXT   NOT NULL UNIQUE,
    queued    BIGINT NOT NULL,
    envelope  BLOB,
    attempts  BIGINT NOT NULL DEFAULT 0,
    tried     BIGINT NOT NULL DEFAULT 0,
    problem   TEXT   NOT NULL DEFAULT '',
    receipt   BLOB,
    receipted BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX outbox_waiting ON outbox_entry (seq) WHERE receipt IS NULL;

-- Their reports; result is JSON, empty while none has come.
CREATE TABLE outbox_item (
    entry    BIGINT NOT NULL REFERENCES outbox_entry (seq),
    position BIGINT NOT NULL,
    report   TEXT   NOT NULL,
    revision BIGINT NOT NULL,
    digest   BLOB   NOT NULL,
    nonce    BLOB   NOT NULL,
    native   BLOB   NOT NULL,
    source   TEXT   NOT NULL,
    status   TEXT   NOT NULL,
    result   TEXT   NOT NULL,
    PRIMARY KEY (entry, position)
);
CREATE INDEX outbox_item_status ON outbox_item (status);

-- Their nil reports.
CREATE TABLE outbox_nil (
    entry    BIGINT NOT NULL REFERENCES outbox_entry (seq),
    position BIGINT NOT NULL,
    sector   TEXT   NOT NULL,
    period   TEXT   NOT NULL,
    result   TEXT   NOT NULL,
    PRIMARY KEY (entry, position)
);

-- What is remembered of the newest revision of each report.
CREATE TABLE outbox_known (
    report   TEXT   PRIMARY KEY,
    revision BIGINT NOT NULL,
    digest   BLOB   NOT NULL,
    nonce    BLOB   NOT NULL,
    native   BLOB   NOT NULL,
    source   TEXT   NOT NULL,
    result   TEXT   NOT NULL
);
