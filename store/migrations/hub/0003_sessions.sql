-- +goose Up
-- Sign-in links. Only a hash of the code is kept; each is used once.
CREATE TABLE login_link (
    code_hash BLOB   PRIMARY KEY,
    member    TEXT   NOT NULL REFERENCES member (id),
    person    TEXT   NOT NULL,
    purposes  TEXT   NOT NULL,
    created   BIGINT NOT NULL,
    expires   BIGINT NOT NULL,
    used      BIGINT
);

-- Sessions. Only a hash of the cookie is kept.
CREATE TABLE session (
    cookie_hash BLOB   PRIMARY KEY,
    member      TEXT   NOT NULL REFERENCES member (id),
    person      TEXT   NOT NULL,
    purposes    TEXT   NOT NULL,
    created     BIGINT NOT NULL,
    expires     BIGINT NOT NULL,
    last_seen   BIGINT NOT NULL
);
CREATE INDEX session_by_member ON session (member);
