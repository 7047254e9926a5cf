package hub

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/hub/deliver"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/wire"
)

// recalled is a destruction of the member's reports as its page shows it.
type recalled struct {
	deliver.RecallView
	Day     string
	Stakes  []confirmations
	Receipt string
	// HeldUntil is the last day of the hold that keeps keys, and BackupDays for
	// how long after it backups hold them.
	HeldUntil  string
	BackupDays int
}

// confirmations are bands of owner groups of one stake.
type confirmations struct{ Stake, Given, Confirmed string }

// recalls are what was destroyed of the member's own reports.
func (s *Site) recalls(v visit) ([]recalled, error) {
	a, err := s.Deliver.Recalls(v.r.Context(), v.viewer)
	if err != nil {
		return nil, err
	}
	var all []recalled
	for _, r := range a.Body() {
		one := recalled{RecallView: r, Day: r.At.UTC().Format("2006-01-02 15:04"), Receipt: v.to("/mine/recalls/" + string(r.ID) + "/receipt.json")}
		if r.Held > 0 {
			d := destructionOf(r.Receipt)
			_, one.HeldUntil = d.Sealed()
			one.BackupDays = d.BackupDays
		}
		for _, stake := range member.Stakes() {
			one.Stakes = append(one.Stakes, confirmations{string(stake), r.Given[string(stake)], r.Confirmed[string(stake)]})
		}
		all = append(all, one)
	}
	return all, nil
}

// destructionOf reads what a receipt says. The hub itself has signed and stored
// it, so that nothing is verified.
func destructionOf(receipt []byte) (d wire.Destruction) {
	var signed struct {
		Payload []byte `json:"payload"`
	}
	if json.Unmarshal(receipt, &signed) != nil || json.Unmarshal(signed.Payload, &d) != nil {
		return wire.Destruction{}
	}
	return d
}

// recallReceipt hands out the signed receipt of a destruction.
func (s *Site) recallReceipt(v visit) error {
	a, err := s.Deliver.Recalls(v.r.Context(), v.viewer)
	if err != nil {
		return err
	}
	id := wire.RecallID(v.r.PathValue("recall"))
	i := slices.IndexFunc(a.Body(), func(r deliver.RecallView) bool { return r.ID == id })
	if i < 0 {
		return fault.New(fault.NotFound, "recall.not_found", "there is no such receipt of your organisation")
	}
	v.w.Header().Set("Content-Type", "application/json")
	v.w.Header().Set("Content-Disposition", "attachment; filename="+strconv.Quote("destroyed-"+string(id)+".json"))
	_, err = v.w.Write(a.Body()[i].Receipt)
	return err
}

type noticesBody struct {
	Open  []deliver.NoticeView
	Done  []deliver.NoticeView
	JSON  string
	Token string
}

// notices shows what the organisation is asked to delete its copies of.
func (s *Site) notices(v visit) error {
	format, err := v.format()
	if err != nil {
		return err
	}
	a, err := s.Deliver.Notices(v.r.Context(), v.viewer, true)
	if err != nil {
		return err
	}
	switch format {
	case "json":
		return writeItems(v.w, "notices", a.Body(), "")
	case "csv":
		return noticesCSV(v.w, a.Body())
	}
	b := noticesBody{JSON: v.with("format", "json"), Token: s.token(v.cookie)}
	for _, n := range a.Body() {
		if n.Confirmed == "" {
			b.Open = append(b.Open, n)
		} else {
			b.Done = append(b.Done, n)
		}
	}
	title := "There is nothing that your organisation is asked to delete"
	if len(b.Open) > 0 {
		title = fmt.Sprintf("Your organisation is asked to delete its copies of what %s", manyNotices(len(b.Open)))
	}
	return s.show(v, view{page: "notices", title: title, kicker: "Taken back", body: b})
}

func manyNotices(n int) string {
	if n == 1 {
		return "1 notice names"
	}
	return number(n) + " notices name"
}

func noticesCSV(w http.ResponseWriter, all []deliver.NoticeView) error {
	var rows [][]string
	for _, n := range all {
		var incidents []string
		for _, i := range n.Incidents {
			incidents = append(incidents, string(i))
		}
		rows = append(rows, []string{n.ID, n.Kind, n.Day, strings.Join(n.Sectors, " "), strings.Join(incidents, " "), string(n.Release), n.Confirmed})
	}
	return writeCSV(w, "notices", []string{"notice", "kind", "day", "sectors", "incidents", "release", "confirmed"}, rows)
}

// confirm notes that the organisation deleted its copies.
func (s *Site) confirm(v visit) error {
	v.r.Body = http.MaxBytesReader(v.w, v.r.Body, maxForm)
	if !s.checkToken(v.r, v.cookie) {
		return fault.New(fault.Forbidden, "form.token", "this form does not come from a page that was opened here; open the page again. Nothing was confirmed")
	}
	ask := wire.ConfirmRequest{Notices: v.r.PostForm["notice"], All: v.r.PostFormValue("all") != "", Named: v.r.PostFormValue("named") != ""}
	if _, err := s.Deliver.Confirm(v.r.Context(), v.viewer, ask); err != nil {
		return err
	}
	http.Redirect(v.w, v.r, v.to("/notices"), http.StatusSeeOther)
	return nil
}
