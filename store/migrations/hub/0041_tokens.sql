-- +goose Up
-- Tokens of machines. Only a hash is kept; purposes is a JSON array.
CREATE TABLE member_token (
    token_hash BLOB   PRIMARY KEY,
    member     TEXT   NOT NULL REFERENCES member (id),
    purposes   TEXT   NOT NULL,
    created    BIGINT NOT NULL,
    expires    BIGINT NOT NULL
);
CREATE INDEX member_token_by_member ON member_token (member);
