package desk

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"github.com/concord-trust/concord/edge/outbox"
	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/web/look"
	"github.com/concord-trust/concord/wire"
)

// recallBody is a recall before it is asked for: which reports of a
// contribution, and why.
type recallBody struct {
	Seq     int64
	Reports []recallItem
	Reasons []string
	Error   string
}

type recallItem struct {
	Report wire.ReportID
	Source string
	Chosen bool
}

// reasonWords says a reason in words.
var reasonWords = map[string]string{wire.ReasonOther: "I do not say", wire.ReasonMistake: "it was sent by mistake", wire.ReasonLegal: "the law asks for it",
	wire.ReasonConsent: "somebody took their consent back", wire.ReasonSafety: "it could endanger somebody", wire.ReasonRetention: "its time was over"}

func (d *Desk) recallable(e outbox.Entry) (all []recallItem) {
	for _, i := range e.Items {
		if i.Result.Status == wire.Accepted || i.Result.Status == wire.Duplicate {
			all = append(all, recallItem{Report: i.Report, Source: i.Evidence.Source})
		}
	}
	return all
}

// askRecall says what a recall does before it is done.
func (d *Desk) askRecall(v visit) error {
	e, err := d.entry(v)
	if err != nil {
		return err
	}
	return d.showRecall(v, http.StatusOK, recallBody{Seq: e.Seq, Reports: d.recallable(e), Reasons: wire.Reasons()})
}

func (d *Desk) showRecall(v visit, status int, b recallBody) error {
	title := "Choose the reports that the hub is to destroy"
	if len(b.Reports) == 0 {
		title = "The hub has no report of this contribution"
	}
	return d.show(v, status, "recall", title, "Take back", b)
}

// recall has the hub destroy reports.
func (d *Desk) recall(v visit) error {
	e, err := d.entry(v)
	if err != nil {
		return err
	}
	b := recallBody{Seq: e.Seq, Reports: d.recallable(e), Reasons: wire.Reasons()}
	var reports []wire.ReportID
	for i, r := range b.Reports {
		if b.Reports[i].Chosen = slices.Contains(v.form["report"], string(r.Report)); b.Reports[i].Chosen {
			reports = append(reports, r.Report)
		}
	}
	if len(reports) == 0 {
		b.Error = "Choose at least one report. Nothing was taken back."
		return d.showRecall(v, http.StatusBadRequest, b)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(v.r.Context()), sendPatience)
	defer cancel()
	done, err := d.Edge.Recall(ctx, reports, v.value("reason"))
	if err != nil && len(done) == 0 {
		if fault.KindOf(err) != fault.Unavailable {
			b.Error = sentence(err)
			return d.showRecall(v, d.Status(err), b)
		}
		v.session.note("The hub does not answer now. The request is kept and sent again when this page is opened.")
	}
	for _, r := range done {
		v.session.note(fmt.Sprintf("The hub's signed receipt came: %s.", tellDestroyed(r)))
	}
	return d.redirect(v, "/recalls")
}

// tellDestroyed says in words what a receipt says.
func tellDestroyed(r wire.Destruction) string {
	counts := map[string]int{}
	for _, one := range r.Reports {
		counts[one.Status]++
	}
	var words []string
	for _, s := range [][2]string{{wire.Destroyed, "destroyed"}, {wire.DestroyedBefore, "destroyed before"}, {wire.Unknown, "unknown to the hub"}} {
		if n := counts[s[0]]; n > 0 {
			words = append(words, many(n, "report")+" "+s[1])
		}
	}
	if n, lastDay := r.Sealed(); n > 0 {
		words = append(words, fmt.Sprintf("%s out of every answer, with the keys sealed by a legal hold until the end of %s, then destroyed", many(n, "report"), lastDay))
	}
	return look.List(words)
}

// tellBackups says after which day no backup holds the keys of a receipt. Of
// those that a hold keeps, backups go on being made.
func tellBackups(r wire.Destruction) string {
	if n, lastDay := r.Sealed(); n > 0 {
		return fmt.Sprintf("%s after the hold's end, %s", many(r.BackupDays, "day"), lastDay)
	}
	return r.BackupsUntil
}

// Destroyed is what the member knows of a destruction of its reports.
type Destroyed struct {
	ID      wire.RecallID
	Waiting bool
	wire.Destruction
}

type recallsBody struct {
	Notes []string
	Items []destroyedView
	// Problem says why what waits, or what the hub destroyed by itself, could
	// not be asked for.
	Problem string
}

type destroyedView struct {
	Destroyed
	Says, Why string
	// Backups is when no backup holds the keys any more.
	Backups string
}

// recalls lists what was destroyed, after asking again for what waits.
func (d *Desk) recalls(v visit) error {
	b := recallsBody{Notes: v.session.takeNotes()}
	ctx, cancel := context.WithTimeout(v.r.Context(), sendPatience)
	defer cancel()
	all, err := d.Edge.Recalls(ctx)
	if err != nil && all == nil {
		return err
	}
	if err != nil {
		b.Problem = sentence(err)
	}
	waiting := 0
	for _, one := range all {
		if one.Waiting {
			waiting++
		}
		b.Items = append(b.Items, destroyedView{one, tellDestroyed(one.Destruction), reasonWords[one.Reason], tellBackups(one.Destruction)})
	}
	title := "Nothing of what you sent was destroyed"
	switch {
	case waiting > 0:
		title = fmt.Sprintf("%s without a receipt yet", many(waiting, "recall"))
	case len(all) > 0:
		title = fmt.Sprintf("The hub signed for %s", many(len(all), "destruction"))
	}
	return d.show(v, http.StatusOK, "recalls", title, "Taken back", b)
}
