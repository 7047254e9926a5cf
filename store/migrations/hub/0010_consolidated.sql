-- +goose Up
-- What consolidation derives from the record. All of it can be dropped and
-- made again.
INSERT INTO sequence (name, value) VALUES ('consolidated', 0);

-- Found by a contribution: what a contribution gives back.
CREATE INDEX report_by_contribution ON report (contribution);
CREATE INDEX report_erased ON report (seq) WHERE erased = 1;

-- What is remembered of the newest revision of each report. about is JSON;
-- incident is where it stands; own and own_campaign are the names that it
-- gives to an incident, and to a campaign, of which it is the earliest.
CREATE TABLE fact (
    seq          BIGINT PRIMARY KEY,
    member       TEXT   NOT NULL,
    report       TEXT   NOT NULL,
    own          TEXT   NOT NULL,
    own_campaign TEXT   NOT NULL,
    incident     TEXT,
    observables  BIGINT NOT NULL,
    about        BLOB   NOT NULL
);
CREATE UNIQUE INDEX fact_by_report ON fact (member, report);
CREATE INDEX fact_by_own ON fact (own);
CREATE INDEX fact_by_own_campaign ON fact (own_campaign);
CREATE INDEX fact_by_incident ON fact (incident);

-- Blocking keys, hashed: only reports that share one can be joined.
CREATE TABLE fact_key (
    key_hash BIGINT NOT NULL,
    seq      BIGINT NOT NULL,
    PRIMARY KEY (key_hash, seq)
);
CREATE INDEX fact_key_by_seq ON fact_key (seq);

-- Tokens of observables, victims and on-behalf-of. ties is 1 for observables
-- that can tie incidents into campaigns.
CREATE TABLE fact_token (
    token TEXT     NOT NULL,
    seq   BIGINT   NOT NULL,
    ties  SMALLINT NOT NULL,
    PRIMARY KEY (token, seq)
);
CREATE INDEX fact_token_by_seq ON fact_token (seq);

-- Links between facts, also those that constraints keep apart; a < b.
-- evidence is a JSON array.
CREATE TABLE fact_link (
    a        BIGINT           NOT NULL,
    b        BIGINT           NOT NULL,
    weight   DOUBLE PRECISION NOT NULL,
    evidence TEXT             NOT NULL,
    PRIMARY KEY (a, b)
);
CREATE INDEX fact_link_by_b ON fact_link (b);

-- Incidents with their sources and links (JSON), and for each sector that
-- reported one, when it last did.
CREATE TABLE incident (
    id       TEXT PRIMARY KEY,
    sector   TEXT NOT NULL,
    campaign TEXT,
    about    BLOB NOT NULL
);
CREATE INDEX incident_by_campaign ON incident (campaign) WHERE campaign IS NOT NULL;

CREATE TABLE incident_sector (
    sector   TEXT   NOT NULL,
    incident TEXT   NOT NULL,
    latest   BIGINT NOT NULL,
    PRIMARY KEY (sector, incident)
);
CREATE INDEX incident_sector_newest ON incident_sector (sector, latest DESC, incident);
CREATE INDEX incident_sector_by_incident ON incident_sector (incident);

-- Campaigns in the same way.
CREATE TABLE campaign (
    id    TEXT PRIMARY KEY,
    about BLOB NOT NULL
);
CREATE TABLE campaign_sector (
    sector   TEXT   NOT NULL,
    campaign TEXT   NOT NULL,
    latest   BIGINT NOT NULL,
    PRIMARY KEY (sector, campaign)
);
CREATE INDEX campaign_sector_newest ON campaign_sector (sector, latest DESC, campaign);
CREATE INDEX campaign_sector_by_campaign ON campaign_sector (campaign);
