-- +goose Up
-- What collections show, each to one audience: the last number and moment
-- (microseconds since 1970) that it gave.
CREATE TABLE collection (
    id    TEXT   PRIMARY KEY,
    n     BIGINT NOT NULL,
    added BIGINT NOT NULL
);

-- What it holds: an object's id, which is that audience's own, and a keyed
-- digest of what the object says. Neither holds a value.
CREATE TABLE collection_entry (
    collection TEXT   NOT NULL REFERENCES collection (id),
    object     TEXT   NOT NULL,
    digest     BLOB   NOT NULL,
    n          BIGINT NOT NULL,
    added      BIGINT NOT NULL,
    created    BIGINT NOT NULL,
    PRIMARY KEY (collection, object)
);
