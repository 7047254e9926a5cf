-- +goose Up
-- What a collection shows to one audience, in the order in which it came. n and
-- added (microseconds since 1970) are the last that were given, turn counts the
-- changes; basis, since and until say of what the content was made, when, and
-- how long it holds. number stands for the id in the rows below.
INSERT INTO sequence (name, value) VALUES ('shelf', 0);

CREATE TABLE shelf (
    id      TEXT   PRIMARY KEY,
    number  BIGINT NOT NULL UNIQUE,
    turn    BIGINT NOT NULL,
    n       BIGINT NOT NULL,
    added   BIGINT NOT NULL,
    basis   TEXT   NOT NULL,
    since   BIGINT NOT NULL,
    until   BIGINT NOT NULL
);

-- Its objects. object is the id that is shown, without the type. name and
-- digest are keyed: by them an object is found again, and a change is seen.
-- body is sealed under a key of the collection. version is set where it is
-- another moment than added; revoked is when an object was taken back, 0 before
-- it is, and then nothing but the notice of that is left.
CREATE TABLE shelf_object (
    shelf   BIGINT NOT NULL,
    n       BIGINT NOT NULL,
    added   BIGINT NOT NULL,
    created BIGINT NOT NULL,
    version BIGINT,
    type    TEXT   NOT NULL,
    object  BLOB   NOT NULL,
    name    BLOB,
    digest  BLOB   NOT NULL,
    revoked BIGINT NOT NULL,
    body    BLOB   NOT NULL,
    PRIMARY KEY (shelf, n)
);
CREATE INDEX shelf_object_added ON shelf_object (shelf, added);
CREATE INDEX shelf_object_version ON shelf_object (shelf, version) WHERE version IS NOT NULL;
CREATE INDEX shelf_object_type ON shelf_object (shelf, type, n);
CREATE INDEX shelf_object_object ON shelf_object (shelf, object);
CREATE UNIQUE INDEX shelf_object_name ON shelf_object (shelf, name) WHERE name IS NOT NULL;
CREATE INDEX shelf_object_revoked ON shelf_object (shelf, revoked) WHERE revoked > 0;
