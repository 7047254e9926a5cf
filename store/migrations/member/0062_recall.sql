-- +goose Up
-- What was asked to be destroyed at the hub, and the signed receipts. request
-- is what the member signed, sent until there is a receipt; it is empty where
-- the hub destroyed reports by itself.
CREATE TABLE recall (
    id      TEXT   PRIMARY KEY,
    made    BIGINT NOT NULL,
    request BLOB   NOT NULL,
    receipt BLOB   NOT NULL,
    kept    BIGINT NOT NULL
);
