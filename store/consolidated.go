package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/hub/consolidate"
	"github.com/concord-trust/concord/wire"
)

var _ consolidate.Store = (*Hub)(nil)

// Update implements [consolidate.Store].
func (h *Hub) Update(ctx context.Context, change func(consolidate.Workbench) error) error {
	return h.writeIn(ctx, turnConsolidated, func(tx *sql.Tx) error {
		return change(newWorkbench(ctx, tx))
	})
}

// Cursor implements [consolidate.Store].
func (h *Hub) Cursor(ctx context.Context) (at int64, err error) {
	err = h.read(ctx, func(tx *sql.Tx) error {
		at, err = consolidatedCursor(ctx, tx)
		return err
	})
	return at, err
}

func consolidatedCursor(ctx context.Context, tx *sql.Tx) (at int64, err error) {
	err = tx.QueryRowContext(ctx, `SELECT value FROM sequence WHERE name = 'consolidated'`).Scan(&at)
	if err != nil {
		return 0, fmt.Errorf("read the cursor of consolidation: %w", err)
	}
	return at, nil
}

// Erased implements [consolidate.Store].
func (h *Hub) Erased(ctx context.Context, limit int) (seqs []int64, err error) {
	err = h.read(ctx, func(tx *sql.Tx) error {
		seqs, err = erasedFacts(ctx, tx, limit)
		return err
	})
	return seqs, err
}

func erasedFacts(ctx context.Context, tx *sql.Tx, limit int) ([]int64, error) {
	rows, err := tx.QueryContext(ctx,
		`SELECT f.seq FROM report r JOIN fact f ON f.seq = r.seq WHERE r.erased = 1 ORDER BY f.seq LIMIT $1`, limit)
	if err != nil {
		return nil, fmt.Errorf("look for erased reports: %w", err)
	}
	return column[int64](rows)
}

// column reads a question's only column.
func column[T any](rows *sql.Rows) (all []T, err error) {
	err = each(rows, func() error {
		var v T
		err := rows.Scan(&v)
		all = append(all, v)
		return err
	})
	return all, err
}

const incidentColumns = `i.id, i.sector, i.campaign, i.about FROM incident i`

// aboutIncident is the part of an incident that is kept as JSON.
type aboutIncident struct {
	Sources []consolidate.Source
	Links   []aboutLink `json:",omitempty"`
}

// aboutLink keeps the ends of a link, which the link itself never shows.
type aboutLink struct {
	A, B     int64
	Evidence []string
	Weight   float64
}

func scanIncident(row interface{ Scan(...any) error }, more ...any) (k consolidate.KeptIncident, err error) {
	var campaign sql.NullString
	var text []byte
	if err := row.Scan(append([]any{&k.ID, &k.Sector, &campaign, &text}, more...)...); err != nil {
		return k, err
	}
	var about aboutIncident
	if err := json.Unmarshal(text, &about); err != nil {
		return k, damaged("an incident", err)
	}
	k.Campaign, k.Sources = wire.CampaignID(campaign.String), about.Sources
	for _, l := range about.Links {
		k.Links = append(k.Links, consolidate.Link(l))
	}
	return k, nil
}

// damaged is what a derived row that cannot be read comes to.
func damaged(what string, err error) error {
	return fault.New(fault.Internal, "store.damaged",
		"%s in the record cannot be read; `concord hub admin rebuild` derives it anew", what).Because(err)
}

// Incident implements [consolidate.Store].
func (h *Hub) Incident(ctx context.Context, id wire.IncidentID) (k consolidate.KeptIncident, err error) {
	err = h.read(ctx, func(tx *sql.Tx) error {
		k, err = scanIncident(tx.QueryRowContext(ctx, `SELECT `+incidentColumns+` WHERE i.id = $1`, id))
		if errors.Is(err, sql.ErrNoRows) {
			k, err = scanIncident(tx.QueryRowContext(ctx,
				`SELECT `+incidentColumns+` JOIN fact f ON f.incident = i.id WHERE f.own = $1`, id))
		}
		return noRow(err, "incident.not_found", "there is no incident %s", id)
	})
	return k, err
}

// IncidentOf implements [consolidate.Store].
func (h *Hub) IncidentOf(ctx context.Context, key consolidate.ReportKey) (k consolidate.KeptIncident, ok bool, err error) {
	err = h.read(ctx, func(tx *sql.Tx) error {
		k, err = scanIncident(tx.QueryRowContext(ctx,
			`SELECT `+incidentColumns+` JOIN fact f ON f.incident = i.id WHERE f.member = $1 AND f.report = $2`, key.Member, key.Report))
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		ok = err == nil
		return err
	})
	return k, ok, err
}

// from is where a list that is ordered newest first goes on.
func from(after consolidate.Place) (latest int64, id string) {
	if after.ID == "" {
		return math.MaxInt64, ""
	}
	return seconds(after.Latest), after.ID
}

// NewestIncidents implements [consolidate.Store].
func (h *Hub) NewestIncidents(ctx context.Context, sector string, after consolidate.Place, limit int) (all []consolidate.KeptIncident, places []consolidate.Place, err error) {
	latest, id := from(after)
	err = h.read(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx,
			`SELECT i.id, i.sector, i.campaign, i.about, s.latest FROM incident_sector s JOIN incident i ON i.id = s.incident
			 WHERE s.sector = $1 AND s.latest <= $2 AND (s.latest < $2 OR s.incident > $3)
			 ORDER BY s.latest DESC, s.incident LIMIT $4`, sector, latest, id, limit)
		if err != nil {
			return fmt.Errorf("list incidents: %w", err)
		}
		return each(rows, func() error {
			var at int64
			k, err := scanIncident(rows, &at)
			all = append(all, k)
			places = append(places, consolidate.Place{Latest: moment(at), ID: string(k.ID)})
			return err
		})
	})
	return all, places, err
}

// IncidentsByID implements [consolidate.Store].
func (h *Hub) IncidentsByID(ctx context.Context, sector string, after wire.IncidentID, limit int) (all []consolidate.KeptIncident, err error) {
	err = h.read(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx,
			`SELECT i.id, i.sector, i.campaign, i.about FROM incident_sector s JOIN incident i ON i.id = s.incident
			 WHERE s.sector = $1 AND s.incident > $2 ORDER BY s.incident LIMIT $3`, sector, after, limit)
		if err != nil {
			return fmt.Errorf("list incidents: %w", err)
		}
		return each(rows, func() error {
			k, err := scanIncident(rows)
			all = append(all, k)
			return err
		})
	})
	return all, err
}

// aboutCampaign is the part of a campaign that is kept as JSON.
type aboutCampaign struct {
	Incidents []wire.IncidentID
	Sources   []consolidate.Source
	Tokens    map[string]int
}

func scanCampaign(row interface{ Scan(...any) error }, more ...any) (k consolidate.KeptCampaign, err error) {
	var text []byte
	if err := row.Scan(append([]any{&k.ID, &text}, more...)...); err != nil {
		return k, err
	}
	var about aboutCampaign
	if err := json.Unmarshal(text, &about); err != nil {
		return k, damaged("a campaign", err)
	}
	k.Incidents, k.Sources, k.Tokens = about.Incidents, about.Sources, about.Tokens
	return k, nil
}

// Campaign implements [consolidate.Store].
func (h *Hub) Campaign(ctx context.Context, id wire.CampaignID) (k consolidate.KeptCampaign, err error) {
	err = h.read(ctx, func(tx *sql.Tx) error {
		k, err = scanCampaign(tx.QueryRowContext(ctx, `SELECT c.id, c.about FROM campaign c WHERE c.id = $1`, id))
		if errors.Is(err, sql.ErrNoRows) {
			k, err = scanCampaign(tx.QueryRowContext(ctx,
				`SELECT c.id, c.about FROM fact f JOIN incident i ON i.id = f.incident JOIN campaign c ON c.id = i.campaign
				 WHERE f.own_campaign = $1`, id))
		}
		return noRow(err, "campaign.not_found", "there is no campaign %s", id)
	})
	return k, err
}

// NewestCampaigns implements [consolidate.Store].
func (h *Hub) NewestCampaigns(ctx context.Context, sector string, after consolidate.Place, limit int) (all []consolidate.KeptCampaign, places []consolidate.Place, err error) {
	latest, id := from(after)
	err = h.read(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx,
			`SELECT c.id, c.about, s.latest FROM campaign_sector s JOIN campaign c ON c.id = s.campaign
			 WHERE s.sector = $1 AND s.latest <= $2 AND (s.latest < $2 OR s.campaign > $3)
			 ORDER BY s.latest DESC, s.campaign LIMIT $4`, sector, latest, id, limit)
		if err != nil {
			return fmt.Errorf("list campaigns: %w", err)
		}
		return each(rows, func() error {
			var at int64
			k, err := scanCampaign(rows, &at)
			all = append(all, k)
			places = append(places, consolidate.Place{Latest: moment(at), ID: string(k.ID)})
			return err
		})
	})
	return all, places, err
}

// CountConsolidated implements [consolidate.Store].
func (h *Hub) CountConsolidated(ctx context.Context) (c consolidate.Counts, err error) {
	err = h.read(ctx, func(tx *sql.Tx) error {
		err := tx.QueryRowContext(ctx, `SELECT
			(SELECT count(*) FROM incident),
			(SELECT count(*) FROM campaign),
			(SELECT coalesce(sum(observables), 0) FROM fact),
			(SELECT count(DISTINCT token) FROM fact_token)`).
			Scan(&c.Incidents, &c.Campaigns, &c.Observables, &c.Tokens)
		if err != nil {
			return fmt.Errorf("count incidents: %w", err)
		}
		return nil
	})
	return c, err
}

// Contributed implements [consolidate.Store].
func (h *Hub) Contributed(ctx context.Context, m wire.MemberID, c wire.ContributionID) (all []consolidate.Contributed, err error) {
	err = h.read(ctx, func(tx *sql.Tx) error {
		var one int
		err := tx.QueryRowContext(ctx, `SELECT 1 FROM contribution WHERE id = $1 AND member = $2`, c, m).Scan(&one)
		if err != nil {
			return noRow(err, "contribution.not_found", "there is no such contribution of yours")
		}
		rows, err := tx.QueryContext(ctx, `SELECT seq, report, sector FROM report WHERE contribution = $1 ORDER BY seq`, c)
		if err != nil {
			return fmt.Errorf("list the reports of a contribution: %w", err)
		}
		return each(rows, func() error {
			var r consolidate.Contributed
			err := rows.Scan(&r.Seq, &r.Report, &r.Sector)
			all = append(all, r)
			return err
		})
	})
	return all, err
}

// membershipPage is how many reports one question asks for, so that no
// snapshot is held while somebody works on them.
const membershipPage = 1000

// Membership implements [consolidate.Store], in order of Seq.
func (h *Hub) Membership(ctx context.Context, yield func(consolidate.ReportKey, wire.IncidentID) error) error {
	for after := int64(0); ; {
		type entry struct {
			key      consolidate.ReportKey
			incident wire.IncidentID
		}
		var page []entry
		err := h.read(ctx, func(tx *sql.Tx) error {
			rows, err := tx.QueryContext(ctx,
				`SELECT seq, member, report, incident FROM fact WHERE seq > $1 AND incident IS NOT NULL ORDER BY seq LIMIT $2`, after, membershipPage)
			if err != nil {
				return fmt.Errorf("list reports and their incidents: %w", err)
			}
			return each(rows, func() error {
				var e entry
				err := rows.Scan(&after, &e.key.Member, &e.key.Report, &e.incident)
				page = append(page, e)
				return err
			})
		})
		if err != nil || len(page) == 0 {
			return err
		}
		for _, e := range page {
			if err := yield(e.key, e.incident); err != nil {
				return err
			}
		}
	}
}
