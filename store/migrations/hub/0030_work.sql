-- +goose Up
-- Which scheduled work was begun when, in milliseconds of the Unix epoch, so
-- that of several processes one does it. free is when another may begin it
-- although the one that did never said that it is done.
CREATE TABLE work (
    name  TEXT   PRIMARY KEY,
    begun BIGINT NOT NULL,
    free  BIGINT NOT NULL
);
