-- +goose Up
-- What members need, as they filed it. withdrawn is 0 while it is open.
CREATE TABLE request (
    id        TEXT   PRIMARY KEY,
    member    TEXT   NOT NULL REFERENCES member (id),
    at        BIGINT NOT NULL,
    withdrawn BIGINT NOT NULL DEFAULT 0,
    document  BLOB   NOT NULL
);
CREATE INDEX request_by_member ON request (member, at);

-- What contributors answered to offers, field by field, and to whom by stake,
-- kind and purpose. verdict is accepted or refused.
CREATE TABLE offer_answer (
    request TEXT   NOT NULL REFERENCES request (id),
    member  TEXT   NOT NULL REFERENCES member (id),
    sector  TEXT   NOT NULL,
    path    TEXT   NOT NULL,
    at      BIGINT NOT NULL,
    stake   TEXT   NOT NULL,
    kind    TEXT   NOT NULL,
    purpose TEXT   NOT NULL,
    verdict TEXT   NOT NULL,
    reason  TEXT   NOT NULL,
    PRIMARY KEY (request, member, sector, path, at)
);
CREATE INDEX offer_answer_by_time ON offer_answer (at);

-- What flowed of all open requests, day by day, of one stake's data to another
-- in a sector: weights of cells, and how many owner groups each rests on.
CREATE TABLE paradox (
    day            TEXT   NOT NULL,
    sector         TEXT   NOT NULL,
    giver          TEXT   NOT NULL,
    asker          TEXT   NOT NULL,
    requested      BIGINT NOT NULL,
    flowing        BIGINT NOT NULL,
    offered        BIGINT NOT NULL,
    all_groups     BIGINT NOT NULL,
    flowing_groups BIGINT NOT NULL,
    blocked_groups BIGINT NOT NULL,
    offered_groups BIGINT NOT NULL,
    still_groups   BIGINT NOT NULL,
    PRIMARY KEY (day, sector, giver, asker)
);
