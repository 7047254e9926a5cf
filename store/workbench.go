package store

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/concord-trust/concord/hub/consolidate"
	"github.com/concord-trust/concord/wire"
)

var _ consolidate.Workbench = (*workbench)(nil)

// workbench is one consolidating transaction. It asks many small questions by
// key, so each is prepared once, and none is watched for cancellation by the
// driver, which would cost as much as the question: cancelled is asked instead.
type workbench struct {
	ctx       context.Context // without cancellation
	cancelled func() error
	tx        *sql.Tx
	prepared  map[string]*sql.Stmt
}

func newWorkbench(ctx context.Context, tx *sql.Tx) *workbench {
	return &workbench{ctx: context.WithoutCancel(ctx), cancelled: ctx.Err, tx: tx, prepared: map[string]*sql.Stmt{}}
}

func (w *workbench) prepare(query string) (*sql.Stmt, error) {
	if err := w.cancelled(); err != nil {
		return nil, fmt.Errorf("consolidate: %w", err)
	}
	if s, ok := w.prepared[query]; ok {
		return s, nil
	}
	s, err := w.tx.PrepareContext(w.ctx, query) // closed with the transaction
	if err != nil {
		return nil, fmt.Errorf("prepare to consolidate: %w", err)
	}
	w.prepared[query] = s
	return s, nil
}

// ask calls scan for every row of the answer.
func (w *workbench) ask(query string, scan func(rows *sql.Rows) error, args ...any) error {
	s, err := w.prepare(query)
	if err != nil {
		return err
	}
	rows, err := s.QueryContext(w.ctx, args...)
	if err != nil {
		return fmt.Errorf("read what was consolidated: %w", err)
	}
	return each(rows, func() error { return scan(rows) })
}

// do runs a statement.
func (w *workbench) do(query string, args ...any) error {
	s, err := w.prepare(query)
	if err != nil {
		return err
	}
	if _, err := s.ExecContext(w.ctx, args...); err != nil {
		return fmt.Errorf("write what was consolidated: %w", err)
	}
	return nil
}

// rowsAtOnce is how many rows one statement inserts.
const rowsAtOnce = 16

// doAll inserts rows, several with one statement: a server is asked by way of
// its socket, which costs more than the rows.
func (w *workbench) doAll(insert string, rows [][]any, rest string) error {
	for some := range slices.Chunk(rows, rowsAtOnce) {
		var query strings.Builder
		query.WriteString(insert)
		var args []any
		for i, row := range some {
			if i > 0 {
				query.WriteString(", ")
			}
			query.WriteString("(" + placeholders(len(args)+1, len(row)) + ")")
			args = append(args, row...)
		}
		if err := w.do(query.String()+rest, args...); err != nil {
			return err
		}
	}
	return nil
}

// Cursor implements [consolidate.Workbench].
func (w *workbench) Cursor() (int64, error) { return consolidatedCursor(w.ctx, w.tx) }

// Erased implements [consolidate.Workbench].
func (w *workbench) Erased(limit int) ([]int64, error) { return erasedFacts(w.ctx, w.tx, limit) }

// Gone implements [consolidate.Workbench].
func (w *workbench) Gone(seqs []int64) (gone []int64, err error) {
	for part := range parts(seqs) {
		args := make([]any, len(part))
		for i, s := range part {
			args[i] = s
		}
		rows, err := w.tx.QueryContext(w.ctx, `SELECT seq FROM report WHERE erased = 1 AND seq IN (`+placeholders(1, len(part))+`)`, args...)
		if err != nil {
			return nil, fmt.Errorf("look for erased reports: %w", err)
		}
		some, err := column[int64](rows)
		if err != nil {
			return nil, fmt.Errorf("look for erased reports: %w", err)
		}
		gone = append(gone, some...)
	}
	return gone, nil
}

// MoveCursor implements [consolidate.Workbench].
func (w *workbench) MoveCursor(to int64) error {
	return w.do(`UPDATE sequence SET value = $1 WHERE name = 'consolidated'`, to)
}

// Clear implements [consolidate.Workbench].
func (w *workbench) Clear() error {
	for _, table := range []string{"fact_link", "fact_token", "fact_key", "fact", "campaign_sector", "campaign", "incident_sector", "incident"} {
		if err := w.do(`DELETE FROM ` + table); err != nil {
			return err
		}
	}
	return w.MoveCursor(0)
}

// facts answers a question for facts, once for each set of arguments.
func facts[T any](w *workbench, query string, of []T, args func(T) []any) (all []consolidate.Fact, err error) {
	for _, one := range of {
		err := w.ask(query, func(rows *sql.Rows) error {
			var about []byte
			var incident sql.NullString
			if err := rows.Scan(&about, &incident); err != nil {
				return err
			}
			var f consolidate.Fact
			if err := json.Unmarshal(about, &f); err != nil {
				return damaged("what is remembered of a report", err)
			}
			f.Incident = wire.IncidentID(incident.String)
			all = append(all, f)
			return nil
		}, args(one)...)
		if err != nil {
			return nil, err
		}
	}
	slices.SortFunc(all, func(a, b consolidate.Fact) int { return cmp.Compare(a.Seq, b.Seq) })
	return slices.CompactFunc(all, func(a, b consolidate.Fact) bool { return a.Seq == b.Seq }), nil
}

func itself[T any](v T) []any { return []any{v} }

// Facts implements [consolidate.Workbench].
func (w *workbench) Facts(seqs []int64) ([]consolidate.Fact, error) {
	return facts(w, `SELECT about, incident FROM fact WHERE seq = $1`, seqs, itself)
}

// FactsOf implements [consolidate.Workbench].
func (w *workbench) FactsOf(reports []consolidate.ReportKey) ([]consolidate.Fact, error) {
	return facts(w, `SELECT about, incident FROM fact WHERE member = $1 AND report = $2`, reports,
		func(k consolidate.ReportKey) []any { return []any{k.Member, k.Report} })
}

// FactsIn implements [consolidate.Workbench].
func (w *workbench) FactsIn(incidents []wire.IncidentID) ([]consolidate.Fact, error) {
	return facts(w, `SELECT about, incident FROM fact WHERE incident = $1`, incidents, itself)
}

// PutFact implements [consolidate.Workbench].
func (w *workbench) PutFact(f consolidate.Fact, keys []int64) error {
	f.Incident = ""
	about, err := json.Marshal(f)
	if err != nil {
		return fmt.Errorf("encode what is remembered of a report: %w", err)
	}
	err = w.do(`INSERT INTO fact (seq, member, report, own, own_campaign, observables, about) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		f.Seq, f.Member, f.Report, f.Own, f.OwnCampaign, f.Observables, about)
	if err != nil {
		return err
	}
	var hashes, tokens [][]any
	for _, k := range keys {
		hashes = append(hashes, []any{k, f.Seq})
	}
	for token, ties := range tokensOf(f) {
		tokens = append(tokens, []any{token, f.Seq, flag(ties)})
	}
	return errors.Join(
		w.doAll(`INSERT INTO fact_key (key_hash, seq) VALUES `, hashes, ` ON CONFLICT (key_hash, seq) DO NOTHING`),
		w.doAll(`INSERT INTO fact_token (token, seq, ties) VALUES `, tokens, ``))
}

// tokensOf lists all tokens of a fact and whether they tie incidents.
func tokensOf(f consolidate.Fact) map[string]bool {
	all := map[string]bool{}
	for _, t := range []string{f.Compared.Victim, f.Compared.OnBehalf} {
		if t != "" {
			all[t] = false
		}
	}
	for _, o := range f.Compared.Observables {
		all[o.Token] = !o.Common
	}
	return all
}

// DropFacts implements [consolidate.Workbench].
func (w *workbench) DropFacts(seqs []int64) error {
	for _, s := range seqs {
		for _, query := range []string{
			`DELETE FROM fact_key WHERE seq = $1`,
			`DELETE FROM fact_token WHERE seq = $1`,
			`DELETE FROM fact WHERE seq = $1`,
		} {
			if err := w.do(query, s); err != nil {
				return err
			}
		}
	}
	return w.DropLinks(seqs)
}

// Block implements [consolidate.Workbench].
func (w *workbench) Block(key int64, limit int) (seqs []int64, err error) {
	err = w.ask(`SELECT seq FROM fact_key WHERE key_hash = $1 ORDER BY seq LIMIT $2`, func(rows *sql.Rows) error {
		var s int64
		err := rows.Scan(&s)
		seqs = append(seqs, s)
		return err
	}, key, atMost(limit))
	return seqs, err
}

// atMost is a limit as SQL has it; 0 is none.
func atMost(limit int) int64 {
	if limit <= 0 {
		return math.MaxInt64
	}
	return int64(limit)
}

// Sighted implements [consolidate.Workbench].
func (w *workbench) Sighted(token string, limit int) (ids []wire.IncidentID, err error) {
	err = w.ask(`SELECT DISTINCT f.incident FROM fact_token t JOIN fact f ON f.seq = t.seq
		WHERE t.token = $1 AND t.ties = 1 AND f.incident IS NOT NULL LIMIT $2`, func(rows *sql.Rows) error {
		var id wire.IncidentID
		err := rows.Scan(&id)
		ids = append(ids, id)
		return err
	}, token, atMost(limit))
	return ids, err
}

// Links implements [consolidate.Workbench].
func (w *workbench) Links(seqs []int64) (links []consolidate.Link, err error) {
	seen := map[[2]int64]bool{}
	for _, s := range seqs {
		err := w.ask(`SELECT a, b, weight, evidence FROM fact_link WHERE a = $1
			UNION ALL SELECT a, b, weight, evidence FROM fact_link WHERE b = $1`, func(rows *sql.Rows) error {
			var l consolidate.Link
			var evidence string
			if err := rows.Scan(&l.A, &l.B, &l.Weight, &evidence); err != nil {
				return err
			}
			if ends := [2]int64{l.A, l.B}; !seen[ends] {
				seen[ends] = true
				if l.Evidence, err = textList[string](evidence); err != nil {
					return err
				}
				links = append(links, l)
			}
			return nil
		}, s)
		if err != nil {
			return nil, err
		}
	}
	slices.SortFunc(links, func(x, y consolidate.Link) int { return cmp.Or(cmp.Compare(x.A, y.A), cmp.Compare(x.B, y.B)) })
	return links, nil
}

// PutLinks implements [consolidate.Workbench].
func (w *workbench) PutLinks(links []consolidate.Link) error {
	for _, l := range links {
		evidence, err := json.Marshal(l.Evidence)
		if err != nil {
			return fmt.Errorf("encode the evidence of a link: %w", err)
		}
		err = w.do(`INSERT INTO fact_link (a, b, weight, evidence) VALUES ($1, $2, $3, $4)`, l.A, l.B, l.Weight, string(evidence))
		if err != nil {
			return err
		}
	}
	return nil
}

// DropLinks implements [consolidate.Workbench].
func (w *workbench) DropLinks(seqs []int64) error {
	for _, s := range seqs {
		if err := w.do(`DELETE FROM fact_link WHERE a = $1`, s); err != nil {
			return err
		}
		if err := w.do(`DELETE FROM fact_link WHERE b = $1`, s); err != nil {
			return err
		}
	}
	return nil
}

// CampaignsOf implements [consolidate.Workbench].
func (w *workbench) CampaignsOf(incidents []wire.IncidentID) (ids []wire.CampaignID, err error) {
	for _, i := range incidents {
		err := w.ask(`SELECT campaign FROM incident WHERE id = $1 AND campaign IS NOT NULL`, func(rows *sql.Rows) error {
			var id wire.CampaignID
			err := rows.Scan(&id)
			ids = append(ids, id)
			return err
		}, i)
		if err != nil {
			return nil, err
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

// PutIncident implements [consolidate.Workbench].
func (w *workbench) PutIncident(i consolidate.KeptIncident) error {
	if len(i.Sources) == 0 {
		return errors.New("an incident without a source")
	}
	about := aboutIncident{Sources: i.Sources}
	for _, l := range i.Links {
		about.Links = append(about.Links, aboutLink(l))
	}
	text, err := json.Marshal(about)
	if err != nil {
		return fmt.Errorf("encode an incident: %w", err)
	}
	if err := w.do(`INSERT INTO incident (id, sector, about) VALUES ($1, $2, $3)`, i.ID, i.Sector, text); err != nil {
		return err
	}
	for sector, latest := range newest(i.Sources) {
		if err := w.do(`INSERT INTO incident_sector (sector, incident, latest) VALUES ($1, $2, $3)`, sector, i.ID, latest); err != nil {
			return err
		}
	}
	for _, s := range i.Sources {
		if err := w.do(`UPDATE fact SET incident = $1 WHERE seq = $2`, i.ID, s.Seq); err != nil {
			return err
		}
	}
	return nil
}

// newest is when each sector last reported.
func newest(sources []consolidate.Source) map[string]int64 {
	all := map[string]int64{}
	for _, s := range sources {
		all[s.Sector] = max(all[s.Sector], seconds(s.Received))
	}
	return all
}

// DropIncidents implements [consolidate.Workbench].
func (w *workbench) DropIncidents(ids []wire.IncidentID) error {
	for _, id := range ids {
		if err := w.do(`DELETE FROM incident_sector WHERE incident = $1`, id); err != nil {
			return err
		}
		if err := w.do(`DELETE FROM incident WHERE id = $1`, id); err != nil {
			return err
		}
	}
	return nil
}

// Campaigns implements [consolidate.Workbench].
func (w *workbench) Campaigns(ids []wire.CampaignID) (all []consolidate.KeptCampaign, err error) {
	for _, id := range ids {
		err := w.ask(`SELECT c.id, c.about FROM campaign c WHERE c.id = $1`, func(rows *sql.Rows) error {
			k, err := scanCampaign(rows)
			all = append(all, k)
			return err
		}, id)
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// PutCampaign implements [consolidate.Workbench].
func (w *workbench) PutCampaign(c consolidate.KeptCampaign) error {
	text, err := json.Marshal(aboutCampaign{Incidents: c.Incidents, Sources: c.Sources, Tokens: c.Tokens})
	if err != nil {
		return fmt.Errorf("encode a campaign: %w", err)
	}
	if err := w.do(`INSERT INTO campaign (id, about) VALUES ($1, $2)`, c.ID, text); err != nil {
		return err
	}
	for sector, latest := range newest(c.Sources) {
		if err := w.do(`INSERT INTO campaign_sector (sector, campaign, latest) VALUES ($1, $2, $3)`, sector, c.ID, latest); err != nil {
			return err
		}
	}
	for _, id := range c.Incidents {
		if err := w.do(`UPDATE incident SET campaign = $1 WHERE id = $2`, c.ID, id); err != nil {
			return err
		}
	}
	return nil
}

// DropCampaigns implements [consolidate.Workbench].
func (w *workbench) DropCampaigns(ids []wire.CampaignID) error {
	for _, id := range ids {
		for _, query := range []string{
			`UPDATE incident SET campaign = NULL WHERE campaign = $1`,
			`DELETE FROM campaign_sector WHERE campaign = $1`,
			`DELETE FROM campaign WHERE id = $1`,
		} {
			if err := w.do(query, id); err != nil {
				return err
			}
		}
	}
	return nil
}
