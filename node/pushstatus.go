package node

import (
	"slices"
	"strings"

	"github.com/concord-trust/concord/edge/collect"
	"github.com/concord-trust/concord/mapping"
	"github.com/concord-trust/concord/taxii"
	"github.com/concord-trust/concord/wire"
)

// outcome is what became of one object of a request. One that stands in several
// reports was taken if one of them was.
type outcome struct {
	set, taken bool
	messages   []string
}

func (o *outcome) take(message string) {
	if !o.taken {
		o.messages = nil
	}
	o.set, o.taken = true, true
	o.add(message)
}

func (o *outcome) fail(message string) {
	if !o.taken {
		o.set = true
		o.add(message)
	}
}

func (o *outcome) add(message string) {
	if message != "" && !slices.Contains(o.messages, message) && len(o.messages) < 5 {
		o.messages = append(o.messages, message)
	}
}

// tell says of each object of a part what became of it: the lead is told all,
// the others which object they went with.
func (in *intakeOf) tell(part collect.Part, message string, how func(*outcome, string)) {
	how(&in.outcomes[part.Lead], message)
	lead := in.objects[part.Lead].ID()
	for _, i := range part.Members {
		if i != part.Lead {
			how(&in.outcomes[i], "it went with "+lead)
		}
	}
	for _, i := range part.Around {
		how(&in.outcomes[i], "it says who wrote other objects, or how they are marked")
	}
}

// outcome is the request's final status.
func (in *intakeOf) outcome() taxii.Status {
	s := taxii.Status{ID: in.of.ID, Status: "complete", Requested: taxii.Moment{Time: in.of.Received},
		Successes: slices.Clone(in.job.Done), Failures: slices.Clone(in.job.Failed)}
	for i, o := range in.objects {
		line, out := o.line, in.outcomes[i]
		if !out.set {
			out.fail("by itself it tells of nothing that is collected, and nothing in the request ties it to what does")
		}
		line.Message = clip(strings.Join(out.messages, "; "))
		if out.taken {
			s.Successes = append(s.Successes, line)
		} else {
			s.Failures = append(s.Failures, line)
		}
	}
	s.Success, s.Failure = len(s.Successes), len(s.Failures)
	s.Total = s.Success + s.Failure
	return s
}

// clip bounds a message.
func clip(s string) string {
	const most = 2000
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// refused is why the hub did not take a report.
func refused(r wire.Result) string {
	if r.Path == "" {
		return r.Reason
	}
	return r.Path + ": " + r.Reason
}

// taken says what is to be known of a report that was taken: its id, what the
// mapping left out, and what the member's terms withhold.
func taken(one *planned, r wire.Result) string {
	said := []string{"report " + string(one.id)}
	if r.Status == wire.Duplicate {
		said = append(said, "nothing has changed since it was taken before")
	}
	if left := leftOut(&one.Account); left != "" {
		said = append(said, "left out: "+left)
	}
	var withheld []string
	for _, o := range one.minimal.Account() {
		if len(o.Left) == 0 && !slices.Contains(withheld, o.Path) {
			withheld = append(withheld, o.Path)
		}
	}
	if len(withheld) > 0 {
		said = append(said, "withheld under your terms: "+strings.Join(withheld, ", "))
	}
	return strings.Join(said, "; ")
}

// unmade is why no report was made of a part.
func unmade(a *mapping.Account) string {
	if why := leftOut(a); why != "" {
		return "it tells of nothing that is collected: " + why
	}
	return "it tells of nothing that is collected"
}

// unsaid are properties that say how an object is written and kept: that they do
// not go on needs no saying.
var unsaid = []string{"id", "type", "spec_version", "created", "modified", "revoked", "created_by_ref", "pattern_type", "pattern_version", "source_ref", "target_ref", "relationship_type", "object_refs", "object_marking_refs", "extension_type"}

// leftOut lists what is invalid and what has no place in a report, by path, with
// the reason; never with a value.
func leftOut(a *mapping.Account) string {
	var out []string
	for _, bad := range a.InvalidByReason() {
		out = append(out, strings.TrimPrefix(bad.Path+": "+bad.Reason, ": "))
	}
	for _, n := range a.NotMapped() {
		_, property, _ := strings.Cut(n.Path, ".")
		if !slices.Contains(unsaid, property) {
			out = append(out, strings.TrimPrefix(n.Path+" ("+n.Reason+")", " "))
		}
	}
	return strings.Join(out, "; ")
}
