-- +goose Up
-- What was destroyed together, with the signed receipt of it. party says who
-- had it destroyed, request is the digest of the member's signed request, made
-- the moment of it by the member's clock. forgotten is 1 once the keys are in
-- no file of the store any more.
CREATE TABLE recall (
    id        TEXT     PRIMARY KEY,
    member    TEXT     NOT NULL REFERENCES member (id),
    made      BIGINT   NOT NULL,
    at        BIGINT   NOT NULL,
    party     TEXT     NOT NULL,
    reason    TEXT     NOT NULL,
    request   TEXT     NOT NULL,
    receipt   BLOB     NOT NULL,
    forgotten SMALLINT NOT NULL DEFAULT 0
);
CREATE INDEX recall_by_member ON recall (member, at);
CREATE INDEX recall_unforgotten ON recall (id) WHERE forgotten = 0;

-- Its reports, and the incident in which each stood; '' if in none yet.
CREATE TABLE recall_report (
    recall   TEXT NOT NULL REFERENCES recall (id),
    report   TEXT NOT NULL,
    sector   TEXT NOT NULL,
    incident TEXT NOT NULL,
    PRIMARY KEY (recall, report)
);
CREATE INDEX recall_report_by_report ON recall_report (report);

-- Who could have been given something of them.
CREATE TABLE recall_given (
    recall TEXT NOT NULL REFERENCES recall (id),
    report TEXT NOT NULL,
    member TEXT NOT NULL REFERENCES member (id),
    PRIMARY KEY (recall, report, member)
);
CREATE INDEX recall_given_by_member ON recall_given (member, recall);

-- Who confirmed that copies are deleted: of a recall, or of a release that was
-- withdrawn. named is 1 if the contributor may learn who.
CREATE TABLE confirmation (
    notice TEXT     NOT NULL,
    member TEXT     NOT NULL REFERENCES member (id),
    at     BIGINT   NOT NULL,
    named  SMALLINT NOT NULL,
    PRIMARY KEY (notice, member)
);

-- Keys of recalled reports that a legal hold keeps. No door reads them.
CREATE TABLE held_key (
    seq     BIGINT PRIMARY KEY REFERENCES report (seq),
    wrapped BLOB   NOT NULL,
    recall  TEXT   NOT NULL
);

-- Legal holds as proposed, of a member's report or ('') of all of them, and
-- what the two approvers signed; verdict is begin or end. A hold holds from the
-- moment at which both approved until its day, or until both ended it.
CREATE TABLE hold (
    id        TEXT   PRIMARY KEY,
    member    TEXT   NOT NULL REFERENCES member (id),
    report    TEXT   NOT NULL,
    reference TEXT   NOT NULL,
    proposed  BIGINT NOT NULL,
    until     BIGINT NOT NULL,
    one       TEXT   NOT NULL REFERENCES member (id),
    other     TEXT   NOT NULL REFERENCES member (id)
);
CREATE INDEX hold_by_member ON hold (member);

CREATE TABLE hold_approval (
    hold    TEXT   NOT NULL REFERENCES hold (id),
    verdict TEXT   NOT NULL,
    member  TEXT   NOT NULL REFERENCES member (id),
    at      BIGINT NOT NULL,
    signed  BLOB   NOT NULL,
    PRIMARY KEY (hold, verdict, member)
);

-- When a release was withdrawn, 0 before; and what it was made of: the numbers
-- of reports, each with which of its contributor's grounds it came in on and how
-- many owner groups stood behind its incident; and these grounds, which say what
-- the contributor let research study, as JSON.
ALTER TABLE release ADD COLUMN withdrawn BIGINT NOT NULL DEFAULT 0;

CREATE TABLE release_source (
    release_id TEXT   NOT NULL REFERENCES release (id),
    seq        BIGINT NOT NULL,
    ground     BIGINT NOT NULL,
    owners     BIGINT NOT NULL,
    PRIMARY KEY (release_id, seq)
);
CREATE INDEX release_source_by_seq ON release_source (seq);

CREATE TABLE release_basis (
    release_id TEXT NOT NULL REFERENCES release (id),
    member     TEXT NOT NULL,
    grounds    BLOB NOT NULL,
    PRIMARY KEY (release_id, member)
);

-- What went from a collection, as it was listed last: the number and day at
-- which it did.
CREATE TABLE collection_gone (
    collection TEXT   NOT NULL REFERENCES collection (id),
    n          BIGINT NOT NULL,
    object     TEXT   NOT NULL,
    digest     BLOB   NOT NULL,
    created    BIGINT NOT NULL,
    gone       BIGINT NOT NULL,
    PRIMARY KEY (collection, n)
);

CREATE INDEX report_erased_by_sector ON report (sector) WHERE erased = 1;
CREATE INDEX report_due ON report (member, sector, received) WHERE erased = 0;

-- Webhooks that there are already are told of what is withdrawn, too.
INSERT INTO webhook_told (webhook, kind, n) SELECT id, 'objects.withdrawn indicators', 0 FROM webhook;
INSERT INTO webhook_told (webhook, kind, n) SELECT id, 'objects.withdrawn incidents', 0 FROM webhook;
INSERT INTO webhook_told (webhook, kind, n) SELECT id, 'release.withdrawn', 0 FROM webhook;
