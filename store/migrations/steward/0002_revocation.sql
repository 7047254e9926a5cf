-- +goose Up
-- Up to which moment (seconds since 1970) each member ended the delegations
-- that it had given.
CREATE TABLE revocation (
    member TEXT   PRIMARY KEY,
    up_to  BIGINT NOT NULL
);
