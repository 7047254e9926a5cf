package receive_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/concord-trust/concord/envelope"
	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/hub/receive"
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/wire"
)

// secret is a text that no error and no receipt may repeat.
const secret = "Jane Q. Public"

// A report that is broken in some way stands between two good ones: it alone
// is refused, with a code, a path and a reason, and both others are stored.
func TestABrokenReportTakesNothingElseWithIt(t *testing.T) {
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for _, c := range []struct {
		name string
		// with puts it into the JSON of a good report, in place of the value
		// of revision.
		with string
		want string
		// anonymous: the refusal cannot name the report.
		anonymous bool
	}{
		{name: "not a number", with: `NaN`, want: "json.malformed at /revision"},
		{name: "infinite", with: `-Infinity`, want: "json.malformed at /revision"},
		{name: "a number beyond all", with: `1e400`, want: "json.unexpected at /revision"},
		{name: "a number with a fraction", with: `1.5`, want: "json.unexpected at /revision"},
		{name: "negative", with: `-1`, want: "report.revision at revision"},
		{name: "text for a number", with: `"` + secret + `"`, want: "json.unexpected at /revision"},
		{name: "nested too deep", with: deep(200), want: "json.too_deep at " + "/revision" + strings.Repeat("/0", 63)},
		{name: "nested without sense", with: deep(20_000), want: "json.too_deep at " + "/revision" + strings.Repeat("/0", 63)},
		{name: "brackets that do not match", with: `[1}`, want: "json.malformed at /revision"},
		{name: "the same name twice", with: `0,"sector":"finance"`, want: "json.malformed at /sector"},
		{name: "the id twice", with: `0,"id":"r-aaaaaaaaaaaaaaaaaaaaaaaaaa"`, want: "json.malformed at /id"},
		{name: "an unknown name", with: `0,"` + secret + `":1`, want: "json.unexpected at /?"},
		{name: "another encoding", with: "0,\"on_behalf\":\"M\xfcller\"", want: "json.malformed at /on_behalf"},
		{name: "half a surrogate pair", with: `0,"on_behalf":"\ud800"`, want: "json.malformed at /on_behalf"},
		{name: "a bare word", with: secret, want: "json.malformed at /revision"},
		{name: "nested for ever", with: deep(100_000), want: "report.too_many at "},
		{name: "too many parts", with: `0,"observables":[` + strings.Repeat("{},", 25_000) + `{}]`, want: "report.too_many at "},
		{name: "no report at all", with: `0}, 7, {"revision":0`, want: "", anonymous: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHouse(t)
			bank := h.bank()
			first, bad, last := h.reported("one"), h.reported("two"), h.reported("three")
			bad.Revision = 424242
			text := plaintext(t, bank.contributes(first, bad, last))
			text = bytes.Replace(text, []byte(`424242`), []byte(c.with), 1)
			if c.anonymous {
				r := bank.sendsText(text)
				if got := answers(r); len(got) != 5 || got[0] != "accepted" || got[4] != "accepted" || !strings.HasPrefix(got[2], "refused json.unexpected") {
					t.Errorf("the receipt says %q", got)
				}
				return
			}
			r := bank.sendsText(text)
			wantAnswers(t, r, "accepted", "refused "+c.want, "accepted")
			if len(r.Results) == 3 && r.Results[1].Report != bad.ID {
				t.Errorf("the refusal names the report %q", r.Results[1].Report)
			}
			wantNoSecret(t, r)
			if n := len(h.rows()); n != 2 {
				t.Errorf("the record has %d rows", n)
			}
		})
	}
}

func wantNoSecret(t *testing.T, r wire.Receipt) {
	t.Helper()
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(text, []byte(secret)) {
		t.Errorf("the receipt, which is kept, repeats what was sent: %s", text)
	}
}

// What is readable and must not be kept is refused the same way.
func TestAReportOutsideOfStandardTermsOrSectorIsRefusedAlone(t *testing.T) {
	exactly := func(typ, value string) report.Seen {
		return report.Seen{Type: typ, Value: value, Token: token(value)}
	}
	for _, c := range []struct {
		name  string
		spoil func(*report.Minimised)
		want  string
	}{
		{"an id that is none", func(r *report.Minimised) { r.ID = secret }, "report.id at id"},
		{"an id with a line end", func(r *report.Minimised) { r.ID = r.ID[:27] + "\n" }, "report.id at id"},
		{"another sector", func(r *report.Minimised) { r.Sector = "health" }, "report.sector at sector"},
		{"a sector that is none", func(r *report.Minimised) { r.Sector = secret }, "report.sector at sector"},
		{"another standard", func(r *report.Minimised) { r.Standard = "health/1.0" }, "report.standard at standard"},
		{"a standard that is none", func(r *report.Minimised) { r.Standard = secret }, "report.standard at standard"},
		{"an unknown field", func(r *report.Minimised) { r.Said[0].Path = secret }, "report.unknown_field at said[0]"},
		{"a name where a token belongs", func(r *report.Minimised) { r.Said[0].Value = secret }, "report.token at victim.victim_id"},
		{"a token for a code", func(r *report.Minimised) { r.Said[2] = said("victim.country", 0, "token", token("US")) }, "form.token at victim.country[0]"},
		{"a token for a date", func(r *report.Minimised) { r.Said[3] = said("timeline.incident", 0, "token", token("x")) }, "form.token at timeline.incident"},
		{"free text as a code", func(r *report.Minimised) { r.Said[2].Value = secret }, "value.code at victim.country[0]"},
		{"free text as a day", func(r *report.Minimised) { r.Said[3].Value = secret }, "report.not_coarsened at timeline.incident"},
		{"a number that is none", func(r *report.Minimised) { r.Said[4].Value = "NaN" }, "value.number at impact.ransom.paid"},
		{"the same said twice", func(r *report.Minimised) { r.Said = append(r.Said, r.Said[0]) }, "report.twice at victim.victim_id"},
		{"too many statements", func(r *report.Minimised) {
			for i := range report.MaxSaid {
				r.Said = append(r.Said, said("victim.country", i+1, "exact", "US"))
			}
		}, "report.too_many at said"},
		{"a commitment that is a name", func(r *report.Minimised) { r.Commitment = secret }, "report.commitment at commitment"},
		{"on behalf of a name", func(r *report.Minimised) { r.OnBehalf = secret }, "report.token at on_behalf"},
		// The default terms grant these to nobody, or not in this form.
		{"a narrative", func(r *report.Minimised) { r.Said = append(r.Said, said("notes", 0, "exact", secret)) }, "report.beyond_terms at said[5] notes"},
		{"the victim in clear", func(r *report.Minimised) { r.Said[0] = said("victim.victim_id", 0, "exact", secret) }, "report.beyond_terms at said[0] victim.victim_id"},
		{"industry finer than granted", func(r *report.Minimised) { r.Said[1] = said("victim.industry", 0, "exact", "522110") }, "report.beyond_terms at said[1] victim.industry"},
		{"a date finer than granted", func(r *report.Minimised) { r.Said[3] = said("timeline.incident", 0, "exact", "2026-02-03T08:00:00Z") }, "report.beyond_terms at said[3] timeline.incident"},
		{"a counted number in clear", func(r *report.Minimised) { r.Said[4] = said("impact.ransom.paid", 0, "exact", "1500.5") }, "report.beyond_terms at said[4] impact.ransom.paid"},
		{"an identifying observable in clear", func(r *report.Minimised) { r.Observables[0] = exactly("email", "jane@example.org") }, "report.beyond_terms at observables[0]"},
		{"a token-only observable with its second", func(r *report.Minimised) {
			r.Observables[0] = report.Seen{Type: "email", Token: token("x"), FirstSeen: "2026-02-03T08:00:00Z"}
		}, "report.beyond_terms at observables[0]"},
		{"a token-only observable with its count", func(r *report.Minimised) {
			r.Observables[0] = report.Seen{Type: "email", Token: token("x"), Count: 3}
		}, "report.beyond_terms at observables[0]"},
		{"a role that is none", func(r *report.Minimised) { r.Observables[0].Role = secret }, "observable.role at observables[0].role"},
		{"an observable of no type", func(r *report.Minimised) { r.Observables[0].Type = secret }, "observable.type at observables[0].type"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHouse(t)
			bank := h.bank()
			bad := h.reported("two")
			c.spoil(&bad)
			r := bank.sends(bank.contributes(h.reported("one"), bad, h.reported("three")))
			wantAnswers(t, r, "accepted", "refused "+c.want, "accepted")
			wantNoSecret(t, r)
			if n := len(h.rows()); n != 2 {
				t.Errorf("the record has %d rows", n)
			}
		})
	}
}

func TestAnUnknownFormIsRefusedWithItsPlaceAndNotRepeated(t *testing.T) {
	h := newHouse(t)
	bank := h.bank()
	text := plaintext(t, bank.contributes(h.reported("one"), h.reported("two")))
	text = bytes.Replace(text, []byte(`"counted"`), []byte(`"`+secret+`"`), 1)
	r := bank.sendsText(text)
	wantAnswers(t, r, "refused form.unknown at /said/4/form", "accepted")
	wantNoSecret(t, r)
}

// What is wrong outside of the reports refuses the whole: nothing is stored,
// and there is no receipt.
func TestAContributionThatIsWrongAsAWholeStoresNothing(t *testing.T) {
	edit := func(from, to string) func(*party, []byte) []byte {
		return func(_ *party, plain []byte) []byte { return bytes.Replace(plain, []byte(from), []byte(to), 1) }
	}
	reports := func(n int) func(*party, []byte) []byte {
		return func(p *party, _ []byte) []byte {
			c := p.contributes(p.reported("one"))
			whole := plaintext(p.t, c)
			one := textOf(p.t, c.Reports[0])
			return bytes.Replace(whole, one, []byte(strings.Repeat(string(one)+",", n-1)+string(one)), 1)
		}
	}
	for _, c := range []struct {
		name   string
		change func(*party, []byte) []byte
		kind   fault.Kind
		code   string
	}{
		{"empty", func(*party, []byte) []byte { return nil }, fault.Invalid, "json.malformed"},
		{"no object", func(*party, []byte) []byte { return []byte(`[]`) }, fault.Invalid, "json.unexpected"},
		{"null", func(*party, []byte) []byte { return []byte(`null`) }, fault.Invalid, "json.unexpected"},
		{"truncated", func(_ *party, p []byte) []byte { return p[:len(p)-40] }, fault.Invalid, "json.malformed"},
		{"truncated in a text", func(_ *party, p []byte) []byte { return p[:bytes.Index(p, []byte("finance"))+2] }, fault.Invalid, "json.malformed"},
		{"something after the end", func(_ *party, p []byte) []byte { return append(p, " {}"...) }, fault.Invalid, "json.trailing"},
		{"an unknown name", edit(`{"agreement"`, `{"agreements":1,"agreement"`), fault.Invalid, "json.unexpected"},
		{"the same name twice", edit(`{"agreement"`, `{"hub":"hub-test","agreement"`), fault.Invalid, "json.malformed"},
		{"reports twice", edit(`{"agreement"`, `{"reports":[],"agreement"`), fault.Invalid, "json.malformed"},
		{"reports spelt twice", edit(`{"agreement"`, `{"\u0072eports":[],"agreement"`), fault.Invalid, "json.malformed"},
		{"reports that are no list", edit(`"reports":[`, `"reports":{"0":[`), fault.Invalid, "json.malformed"},
		{"NaN outside of a report", edit(`"hub":"hub-test"`, `"hub":NaN`), fault.Invalid, "json.malformed"},
		{"no id", edit(`"id":"c-`, `"id":"r-`), fault.Invalid, "contribution.id"},
		{"an id with a line end", func(p *party, _ []byte) []byte {
			c := p.contributes(p.reported("one"))
			c.ID = c.ID[:27] + "\n"
			return plaintext(p.t, c)
		}, fault.Invalid, "contribution.id"},
		{"nothing in it", func(p *party, _ []byte) []byte { return plaintext(p.t, p.contributes()) }, fault.Invalid, "contribution.empty"},
		{"made at no time", edit(`"made":"2026`, `"made":"MMXXVI`), fault.Invalid, "contribution.made"},
		{"made too early", edit(`"made":"2026-03-01T09:00:00Z"`, `"made":"2026-03-01T08:54:59Z"`), fault.Invalid, "contribution.clock"},
		{"made in the future", edit(`"made":"2026-03-01T09:00:00Z"`, `"made":"2026-03-01T09:05:01Z"`), fault.Invalid, "contribution.clock"},
		{"more than are taken at once", reports(report.MaxReports + 1), fault.TooLarge, "contribution.too_many"},
		{"made out to another hub", edit(`"hub":"hub-test"`, `"hub":"hub-else"`), fault.Forbidden, "contribution.hub"},
		{"under another agreement", func(p *party, _ []byte) []byte {
			c := p.contributes(p.reported("one"))
			c.Agreement = fresh[wire.AgreementID](p.t, 'a')
			return plaintext(p.t, c)
		}, fault.Conflict, "contribution.agreement"},
		{"in another member's name", func(p *party, _ []byte) []byte {
			c := p.contributes(p.reported("one"))
			c.Member = fresh[wire.MemberID](p.t, 'm')
			return plaintext(p.t, c)
		}, fault.Forbidden, "contribution.member"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHouse(t)
			bank := h.bank()
			good := plaintext(t, bank.contributes(h.reported("one")))
			receipt, err := h.desk.Receive(h.ctx, bank.sealed(c.change(bank, bytes.Clone(good))))
			wantFault(t, err, c.kind, c.code)
			if receipt != nil || len(h.rows()) != 0 {
				t.Error("something was stored or receipted")
			}
			// The desk goes on, and the member can mend it.
			wantAnswers(t, bank.sendsText(good), "accepted")
		})
	}
}

func TestClocksMayDifferByTheStatedSkewAndNoMore(t *testing.T) {
	h := newHouse(t)
	bank := h.bank()
	for offset, want := range map[time.Duration]string{
		receive.DefaultSkew: "", receive.DefaultSkew + time.Second: "contribution.clock",
		-receive.DefaultSkew: "", -receive.DefaultSkew - time.Second: "contribution.clock",
	} {
		c := bank.contributes(h.reported("one"))
		c.Made = h.now.Add(offset).Format(time.RFC3339)
		_, err := h.desk.Receive(h.ctx, bank.sealed(plaintext(t, c)))
		if (err == nil) != (want == "") || want != "" && fault.Public(err).Code != want {
			t.Errorf("%s off: %v, want %q", offset, err, want)
		}
	}
	// A contribution may have waited for long.
	c := bank.contributes(h.reported("two"))
	h.now = h.now.AddDate(0, 6, 0)
	wantAnswers(t, bank.sends(c), "accepted")
}

// A date counts as future only if all that it covers is: on the first of March
// the month is running.
func TestNothingDatedInTheFutureIsKept(t *testing.T) {
	dated := func(form, value string) func(*report.Minimised) {
		return func(r *report.Minimised) { r.Said[3] = said("timeline.incident", 0, form, value) }
	}
	seen := func(first, last string) func(*report.Minimised) {
		return func(r *report.Minimised) { r.Observables[0].FirstSeen, r.Observables[0].LastSeen = first, last }
	}
	for _, c := range []struct {
		name string
		say  func(*report.Minimised)
		want string // path, "" accepted
	}{
		{"today", dated("generalised:day", "2026-03-01"), ""},
		{"tomorrow", dated("generalised:day", "2026-03-02"), "timeline.incident"},
		{"this month", seen("2026-02", "2026-03"), ""},
		{"next month", seen("2026-02", "2026-04"), "observables[0].last_seen"},
		{"another date of the course", func(r *report.Minimised) {
			r.Said = append(r.Said, said("timeline.notification", 0, "generalised:day", "2028-01-05"))
		}, "timeline.notification"},
		{"within the skew", seen("2026-03-01T09:04:59Z", "2026-03-01T09:05:00Z"), ""},
		{"first seen beyond the skew", seen("2026-03-01T09:05:01Z", ""), "observables[0].first_seen"},
		{"last seen tomorrow", seen("2026-02-03", "2026-03-02"), "observables[0].last_seen"},
		{"last seen next year", seen("2026-02-03", "2027"), "observables[0].last_seen"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHouse(t)
			bank := h.bank()
			one := h.reported("two")
			one.Said, one.Observables = slices.Clone(one.Said), slices.Clone(one.Observables)
			c.say(&one)
			want := "accepted"
			if c.want != "" {
				want = "refused report.future at " + c.want
			}
			wantAnswers(t, bank.sends(bank.contributes(h.reported("one"), one, h.reported("three"))), "accepted", want, "accepted")
		})
	}
}

// Whoever sends: outsider, thief of an envelope, other member, member of
// another sector, suspended member, member after its agreement's end.
func TestOnlyAMemberInGoodStandingContributes(t *testing.T) {
	h := newHouse(t)
	bank, other, clinic, reader := h.bank(), h.joins("other", "default", "finance"), h.joins("clinic", "default", "health"), h.joins("reader", "", "finance")
	good := func(p *party) []byte { return plaintext(t, p.contributes(h.reported("one"))) }
	strange := newKey(t)
	stranger, err := envelope.GenerateRecipientKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	resigned := func(by ed25519.PrivateKey) []byte {
		signed := bank.sealed(good(bank))
		payload, _, err := envelope.Verify(signed, wire.PayloadContribution, func(string) (ed25519.PublicKey, bool) {
			return bank.key.Public().(ed25519.PublicKey), true
		})
		if err != nil {
			t.Fatal(err)
		}
		again, err := envelope.Sign(wire.PayloadContribution, payload, by)
		if err != nil {
			t.Fatal(err)
		}
		return again
	}
	both := func() []byte {
		signed, err := envelope.Cosign(bank.sealed(good(bank)), wire.PayloadContribution, other.key)
		if err != nil {
			t.Fatal(err)
		}
		return signed
	}
	asAgreement := func() []byte {
		signed, err := envelope.Sign(wire.PayloadAgreement, good(bank), bank.key)
		if err != nil {
			t.Fatal(err)
		}
		return signed
	}
	for _, c := range []struct {
		name string
		sent []byte
		kind fault.Kind
		code string
	}{
		{"nothing", nil, fault.Invalid, "envelope.malformed"},
		{"no envelope", []byte("hello"), fault.Invalid, "envelope.malformed"},
		{"cut off", bank.sealed(good(bank))[:400], fault.Invalid, "envelope.malformed"},
		{"too large", make([]byte, receive.MaxEnvelope+1), fault.TooLarge, "envelope.too_large"},
		{"an outsider's key", sealedFor(t, h.seal.Public(), hubID, bank.id(), good(bank), strange), fault.Unauthenticated, "envelope.unknown_key"},
		{"signed again by an outsider", resigned(strange), fault.Unauthenticated, "envelope.unknown_key"},
		{"signed again by another member", resigned(other.key), fault.Forbidden, "envelope.cannot_open"},
		{"signed by another member as well", both(), fault.Invalid, "envelope.malformed"},
		{"another member in the member's name", sealedFor(t, h.seal.Public(), hubID, bank.id(), good(bank), other.key), fault.Forbidden, "envelope.cannot_open"},
		{"another member's plaintext", sealedFor(t, h.seal.Public(), hubID, other.id(), good(bank), other.key), fault.Forbidden, "contribution.member"},
		{"sealed to another key", sealedFor(t, stranger.Public(), hubID, bank.id(), good(bank), bank.key), fault.Invalid, "envelope.not_for_us"},
		{"sealed for another hub", sealedFor(t, h.seal.Public(), "hub-else", bank.id(), good(bank), bank.key), fault.Forbidden, "envelope.cannot_open"},
		{"signed as something else", asAgreement(), fault.Invalid, "envelope.wrong_type"},
		{"a member who only receives", reader.sealed(good(reader)), fault.Forbidden, "agreement.receives_only"},
	} {
		receipt, err := h.desk.Receive(h.ctx, c.sent)
		if f := fault.Public(err); err == nil || receipt != nil || f.Kind != c.kind || f.Code != c.code {
			t.Errorf("%s: got %v (%v, %s), want %v, %s", c.name, err, f.Kind, f.Code, c.kind, c.code)
		}
	}
	wantAnswers(t, clinic.sendsText(good(clinic)), "refused report.sector at sector")

	waiting := bank.sealed(good(bank))
	if err := h.door.Suspend(h.ctx, bank.id()); err != nil {
		t.Fatal(err)
	}
	_, err = h.desk.Receive(h.ctx, waiting)
	wantFault(t, err, fault.Forbidden, "member.suspended")
	if err := h.door.Lift(h.ctx, bank.id()); err != nil {
		t.Fatal(err)
	}
	h.now = bank.agreement.Until.Add(-time.Second)
	if _, err := h.desk.Receive(h.ctx, waiting); err != nil {
		t.Errorf("a second before the agreement ends: %v", err)
	}
	h.now = bank.agreement.Until
	_, err = h.desk.Receive(h.ctx, bank.sealed(good(bank)))
	wantFault(t, err, fault.Forbidden, "agreement.expired")
	if n := len(h.rows()); n != 1 {
		t.Errorf("the record has %d rows, want the one of good standing", n)
	}
}

func TestAWaitingContributionIsReceiptedAfterARenewalOnlyIfItWasStored(t *testing.T) {
	h := newHouse(t)
	bank := h.bank()
	stored, waiting := bank.sealed(plaintext(t, bank.contributes(h.reported("one")))), bank.sealed(plaintext(t, bank.contributes(h.reported("two"))))
	first, err := h.desk.Receive(h.ctx, stored)
	if err != nil {
		t.Fatal(err)
	}
	h.now = h.now.Add(time.Hour)
	bank.agreement.ID, bank.agreement.From = fresh[wire.AgreementID](t, 'a'), h.now
	if _, err := h.door.Renew(h.ctx, bank.signed()); err != nil {
		t.Fatal(err)
	}
	again, err := h.desk.Receive(h.ctx, stored)
	if err != nil || !bytes.Equal(again, first) {
		t.Errorf("the answer that was lost cannot be had again: %v", err)
	}
	_, err = h.desk.Receive(h.ctx, waiting)
	wantFault(t, err, fault.Conflict, "contribution.agreement")
}

func TestARandomChangeOfAnEnvelopeChangesNothing(t *testing.T) {
	h := newHouse(t)
	bank := h.bank()
	sealed := bank.sealed(plaintext(t, bank.contributes(h.reported("one"))))
	for i := 0; i < len(sealed); i += 97 {
		for _, changed := range [][]byte{sealed[:i], append(append(bytes.Clone(sealed[:i]), sealed[i]^1), sealed[i+1:]...)} {
			if _, err := h.desk.Receive(h.ctx, changed); err == nil || fault.KindOf(err) == fault.Internal {
				t.Fatalf("changed at byte %d it is taken, or blamed on us: %v", i, err)
			}
		}
	}
	if n := len(h.rows()); n != 0 {
		t.Errorf("%d rows were stored", n)
	}
}

func TestAReceiptNeverNamesMoreThanWasSent(t *testing.T) {
	h := newHouse(t)
	bank := h.bank()
	r := bank.sends(bank.contributes(h.reported("one")))
	text := fmt.Sprintf("%+v", r)
	for _, no := range []string{token("one"), "login.example.net", "522", "bank"} {
		if strings.Contains(text, no) {
			t.Errorf("the receipt holds %q: %s", no, text)
		}
	}
}
