-- +goose Up
-- How many evaluations an owner group was given on a day and for which key
-- kind. The day is a date in UTC.
CREATE TABLE ledger (
    owner_group TEXT   NOT NULL,
    day         TEXT   NOT NULL,
    key_kind    TEXT   NOT NULL,
    evaluations BIGINT NOT NULL,
    PRIMARY KEY (owner_group, day, key_kind)
);

-- The agreement that each member showed last, signed by both sides.
CREATE TABLE admission (
    member TEXT PRIMARY KEY,
    signed BLOB NOT NULL
);
