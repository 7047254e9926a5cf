-- +goose Up
-- Webhooks of members. failing and dead are seconds since 1970, or 0; due is
-- when the next attempt may be made, in milliseconds, and reason the code of
-- the last failure. There is no secret: events are signed by the hub's key.
CREATE TABLE webhook (
    id       TEXT   PRIMARY KEY,
    member   TEXT   NOT NULL REFERENCES member (id),
    sector   TEXT   NOT NULL,
    purpose  TEXT   NOT NULL,
    url      TEXT   NOT NULL,
    created  BIGINT NOT NULL,
    due      BIGINT NOT NULL,
    failing  BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    reason   TEXT   NOT NULL,
    dead     BIGINT NOT NULL
);
CREATE INDEX webhook_by_member ON webhook (member, created);
CREATE INDEX webhook_due ON webhook (due) WHERE dead = 0;

-- Up to which number a webhook was told of each kind.
CREATE TABLE webhook_told (
    webhook TEXT   NOT NULL REFERENCES webhook (id),
    kind    TEXT   NOT NULL,
    n       BIGINT NOT NULL,
    PRIMARY KEY (webhook, kind)
);

-- The queue: at most one event of a kind. It tells of what has a number above
-- low, up to high; what that is, is computed when it is sent.
CREATE TABLE webhook_event (
    webhook TEXT   NOT NULL REFERENCES webhook (id),
    kind    TEXT   NOT NULL,
    id      TEXT   NOT NULL,
    low     BIGINT NOT NULL,
    high    BIGINT NOT NULL,
    made    BIGINT NOT NULL,
    PRIMARY KEY (webhook, kind)
);
