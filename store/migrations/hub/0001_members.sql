-- +goose Up
-- Numbers that readers page by; see nextSequence.
CREATE TABLE sequence (
    name  TEXT   PRIMARY KEY,
    value BIGINT NOT NULL
);

-- Members. sectors is a JSON array; key is the Ed25519 public key and key_id
-- the name under which signatures mention it.
CREATE TABLE member (
    id          TEXT     PRIMARY KEY,
    name        TEXT     NOT NULL,
    stake       TEXT     NOT NULL,
    kind        TEXT     NOT NULL,
    owner_group TEXT     NOT NULL,
    sectors     TEXT     NOT NULL,
    key         BLOB     NOT NULL UNIQUE,
    key_id      TEXT     NOT NULL UNIQUE,
    since       BIGINT   NOT NULL,
    counts_from BIGINT   NOT NULL,
    suspended   SMALLINT NOT NULL DEFAULT 0
);
CREATE INDEX member_by_owner_group ON member (owner_group);

-- Agreements as signed by both sides. Append-only but for current: a member
-- has one current agreement, the one signed last.
CREATE TABLE agreement (
    id          TEXT     PRIMARY KEY,
    member      TEXT     NOT NULL REFERENCES member (id),
    current     SMALLINT NOT NULL,
    valid_from  BIGINT   NOT NULL,
    valid_until BIGINT   NOT NULL,
    signed      BLOB     NOT NULL,
    stored      BIGINT   NOT NULL
);
CREATE UNIQUE INDEX agreement_current ON agreement (member) WHERE current = 1;

-- Invitations. Only a hash of the code is kept; card is JSON.
CREATE TABLE invitation (
    code_hash   BLOB   PRIMARY KEY,
    card        TEXT   NOT NULL,
    created     BIGINT NOT NULL,
    valid_until BIGINT NOT NULL,
    used        BIGINT,
    member      TEXT   REFERENCES member (id)
);
