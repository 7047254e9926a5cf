package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/concord-trust/concord/agreement"
	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/hub/receive"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/store"
	"github.com/concord-trust/concord/terms"
	"github.com/concord-trust/concord/wire"
)

// LegalConfig is what agreements state of the third party; docs/legal.md says
// what counsel makes of it.
type LegalConfig struct {
	// Operator runs the hub, and Country is where it stands.
	Operator string `yaml:"operator"`
	Country  string `yaml:"country"`
	// Contact takes requests of people whom data are about.
	Contact       string                   `yaml:"contact,omitempty"`
	Subprocessors []agreement.Subprocessor `yaml:"subprocessors,omitempty"`
	// What follows is agreement's defaults where it is left out.
	ForwardDays       int                         `yaml:"forward_days,omitempty"`
	BreachNotice      int                         `yaml:"breach_notice,omitempty"`
	CompelledAccess   agreement.CompelledAccess   `yaml:"compelled_access,omitempty"`
	DefenceDisclosure agreement.DefenceDisclosure `yaml:"defence_disclosure,omitempty"`
}

// legal is what the hub states of itself in each agreement that it offers.
func (h *HubConfig) legal() (l agreement.Legal) {
	if c := h.Legal; c != nil {
		l = agreement.Legal{Subprocessors: c.Subprocessors, DataSubjects: agreement.DataSubjectRequests{Contact: c.Contact, ForwardDays: c.ForwardDays},
			BreachNotice: c.BreachNotice, CompelledAccess: c.CompelledAccess, DefenceDisclosure: c.DefenceDisclosure,
			Location: []agreement.Place{{Node: "hub", Operator: c.Operator, Country: c.Country}}}
	}
	for _, s := range h.Stewards {
		if s.Operator != "" {
			l.Location = append(l.Location, agreement.Place{Node: "steward " + s.Name, Operator: s.Operator, Country: s.Country})
		}
	}
	return l
}

// checkLegal holds what the hub states of itself to what an agreement takes.
func (h *HubConfig) checkLegal() error {
	if err := h.legal().Check(); err != nil {
		f := fault.Public(err)
		return fault.New(fault.Usage, "config.bad_value", "%s", f.Message).At("hub.legal" + f.Path)
	}
	return nil
}

// flowing finds the rules under which what a member contributed may be passed
// on now; nil if nothing of it may: its agreement does not speak of the
// standard, or has ended and does not let its contributions outlast it.
func (t *currentTerms) flowing(ctx context.Context, of wire.MemberID, ref standard.Ref) (*terms.Rules, error) {
	held, err := t.store.Agreement(ctx, of)
	if err != nil {
		return nil, err
	}
	if !t.now().Before(held.End()) {
		m, err := t.store.Member(ctx, of)
		if err != nil {
			return nil, err
		}
		a, err := agreement.Open(held.Signed, m.Key, t.hubKey)
		if err != nil {
			return nil, fmt.Errorf("open the agreement of a contributor: %w", err)
		}
		if !a.Outlives() {
			return nil, nil
		}
	}
	all, err := t.compiledOf(ctx, of, held.ID, held.Signed)
	return all[ref], err
}

// state names what answers rest on: the state of the record, and how many
// agreements have ended by now, which is a matter of the clock.
func (h *Hub) state(ctx context.Context) (string, error) {
	name, err := h.Store.State(ctx)
	if err != nil {
		return "", err
	}
	ended, err := h.Store.EndedAgreements(ctx, h.now())
	return fmt.Sprint(name, " ended ", ended), err
}

// mark names what was taken back of a sector: reports, terms, and what flowed
// under agreements that have ended.
func (h *Hub) mark(ctx context.Context, sector string) (string, error) {
	name, err := h.Store.Mark(ctx, sector)
	if err != nil {
		return "", err
	}
	ended, err := h.Store.EndedAgreements(ctx, h.now())
	return fmt.Sprint(name, " ended ", ended), err
}

// ownerGroups finds out with whom a member counts now, which a merger or a sale
// may have changed since a report came in.
type ownerGroups struct {
	store *store.Hub

	mu     sync.Mutex
	read   time.Time
	groups map[wire.MemberID]wire.OwnerGroup
}

// groupsLife is how long the groups are believed: each report asks, and all
// processes that share the record learn of a change.
const groupsLife = time.Second

// today has a report count with the present owner group of its member.
func (g *ownerGroups) today(r receive.Received) (receive.Received, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.groups == nil || time.Since(g.read) > groupsLife {
		ctx, cancel := context.WithTimeout(context.Background(), scrapeTime)
		defer cancel()
		all, err := g.store.Members(ctx)
		if err != nil {
			return receive.Received{}, err
		}
		g.groups, g.read = make(map[wire.MemberID]wire.OwnerGroup, len(all)), time.Now()
		for _, m := range all {
			g.groups[m.ID] = m.OwnerGroup
		}
	}
	row := r.Row()
	if group, ok := g.groups[row.Member]; ok && group != row.OwnerGroup {
		return r.Under(group), nil
	}
	return r, nil
}

// ReadLaw reads a member's positions under data protection law from a file, in
// YAML or JSON: a list under "law".
func ReadLaw(file string) ([]agreement.Position, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fault.New(fault.Usage, "law.unreadable", "the file cannot be read").At(file).Because(err)
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	var law struct {
		Law []agreement.Position `yaml:"law"`
	}
	if err := dec.Decode(&law); err != nil && !errors.Is(err, io.EOF) {
		return nil, fault.New(fault.Invalid, "law.malformed", "%s; docs/legal.md shows such a file", yamlProblem(err)).At(file)
	}
	if len(law.Law) == 0 {
		return nil, fault.New(fault.Invalid, "law.malformed", "the file has no list under law; docs/legal.md shows one").At(file)
	}
	return law.Law, nil
}
