-- +goose Up
-- Agreements that ended before their day, when, and why: an organisation was
-- merged into another member, the successor, or left.
CREATE TABLE agreement_end (
    agreement TEXT   PRIMARY KEY REFERENCES agreement (id),
    at        BIGINT NOT NULL,
    reason    TEXT   NOT NULL,
    successor TEXT   REFERENCES member (id)
);

-- When an invitation was withdrawn, 0 if it was not.
ALTER TABLE invitation ADD COLUMN withdrawn BIGINT NOT NULL DEFAULT 0;

-- Orders of authorities to hand something out. member is '' if all members are
-- concerned. tell is from when on those concerned may be told, carried when
-- something was handed out; 0 is not yet.
CREATE TABLE authority_order (
    id        TEXT   PRIMARY KEY,
    received  BIGINT NOT NULL,
    authority TEXT   NOT NULL,
    reference TEXT   NOT NULL,
    asks      TEXT   NOT NULL,
    member    TEXT   NOT NULL,
    tell      BIGINT NOT NULL,
    carried   BIGINT NOT NULL,
    given     TEXT   NOT NULL
);
CREATE INDEX authority_order_by_member ON authority_order (member, received);

-- Webhooks that there are already are reminded of their agreement's end, too.
INSERT INTO webhook_told (webhook, kind, n) SELECT id, 'agreement.ending', 0 FROM webhook;
