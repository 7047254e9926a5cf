package sim

import (
	"encoding/csv"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/formats/misp"
	"github.com/concord-trust/concord/internal/taxiicheck"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/wire"
)

// glance is a look that is to be taken.
type glance struct {
	p       *party
	purpose member.Purpose
	door    string
	sector  string
}

// glance draws who looks where.
func (f *fate) glance() glance {
	p := pick(f, f.parties...)
	return glance{p, pick(f, p.card.Purposes...), pick(f, "incidents", "incidents", "incidents", "csv", "csv", "taxii", "taxii", "misp", "pages", "campaigns", "picture", "releases", "mine"), pick(f, p.card.Sectors...)}
}

// look has somebody look at a door.
func (f *fate) look() { f.lookAt(f.glance()) }

func (f *fate) lookAt(g glance) {
	p, sector := g.p, g.sector
	f.tell("%s looks at %s of %s for %s, process %d", p, g.door, sector, g.purpose, f.at)
	f.lag = f.lags
	defer func() { f.lag = 0 }()
	query := "?for=" + string(g.purpose)
	if !p.stands(f.now()) {
		if _, err := p.Member.Hub.Get(f.ctx(), "/v1/sectors/"+sector+"/incidents"+query); fault.KindOf(err) != fault.Forbidden {
			f.fails(nil, "%s, who may not come in, is answered %v", p, err)
		}
		return
	}
	v := f.viewOf(p, g.purpose)
	switch g.door {
	case "incidents":
		f.lookAtIncidents(v, sector)
	case "csv":
		f.lookAtFeed(v, sector)
	case "taxii":
		f.lookAtCollections(v, sector)
	case "misp":
		f.lookAtEvents(v)
	case "pages":
		f.lookAtPages(v, sector)
	case "campaigns":
		for _, m := range idIn.FindAllStringSubmatch(f.get(v, "campaigns", "/v1/sectors/"+sector+"/campaigns"+query), 3) {
			f.get(v, "campaigns", "/v1/campaigns/"+m[1]+query)
		}
	case "picture":
		f.lookAtPicture(v, sector)
	case "releases":
		f.lookAtReleases(v, sector)
	case "mine":
		for _, path := range []string{"/v1/me/reports", "/v1/me/recalls", "/v1/notices"} {
			f.get(v, "mine", path+query)
		}
	}
}

// get asks the interface, and searches what it answers.
func (f *fate) get(v view, door, path string) string {
	data, err := v.p.Member.Hub.Get(f.ctx(), path)
	if err != nil && fault.KindOf(err) != fault.NotFound && fault.KindOf(err) != fault.Gone {
		f.fails(nil, "%s asks for %s: %v", v.p, path, err)
	}
	f.scan(v, door, string(data))
	return string(data)
}

// lookAtFeed reads the indicator feed as a table.
func (f *fate) lookAtFeed(v view, sector string) {
	text := f.get(v, "csv", "/feeds/indicators.csv?for="+string(v.purpose)+"&sector="+sector)
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil || len(rows) == 0 {
		f.fails(nil, "the feed is no table: %v", err)
		return
	}
	f.holds(v, "csv", sector, text, "")
}

// holds holds a door to having every value that the audience may have exact of
// what others told.
func (f *fate) holds(v view, door, sector, text string, but string) {
	for _, in := range v.sights {
		for _, s := range inSector(in, sector) {
			for _, a := range s.may {
				if a.form.Kind == standard.Exact && !s.mine && strings.HasPrefix(a.path, "observable.") && a.path != but && !strings.Contains(text, a.value) {
					f.fails([]*account{s.rev.of}, "%s does not find %q (%s of %s) for %s at the door %s, and may", v.p, a.value, a.path, s.rev.of.name, v.purpose, door)
					return
				}
			}
		}
	}
}

// given is a token for a tool of the member.
func (f *fate) given(p *party) wire.TokenGiven {
	if !f.now().Before(p.tokenEnds) {
		_, err := p.Member.Hub.Token(f.ctx(), wire.TokenRequest{End: true})
		f.must(err)
		p.token, err = p.Member.Hub.Token(f.ctx(), wire.TokenRequest{Days: 1})
		f.must(err)
		p.tokenEnds = f.now().Add(aDay)
	}
	return p.token
}

func (f *fate) fetch(v view, door, address string, header http.Header) string {
	req, err := http.NewRequestWithContext(f.ctx(), http.MethodGet, address, nil)
	f.must(err)
	req.Header = header
	resp, err := (&http.Client{Transport: f}).Do(req)
	f.must(err)
	body, err := io.ReadAll(resp.Body)
	f.must(err)
	if resp.StatusCode != http.StatusOK {
		f.fails(nil, "%s fetches %s: %s %.300s", v.p, address, resp.Status, body)
	}
	f.scan(v, door, string(body))
	return string(body)
}

// lookAtCollections reads both collections of a purpose as a tool does.
func (f *fate) lookAtCollections(v view, sector string) {
	header := http.Header{"Authorization": {"Bearer " + f.given(v.p).Token}, "Accept": {taxiicheck.MediaType}}
	base := f.trust.URL + "/taxii2/" + sector + "/collections/"
	var list struct {
		Collections []struct{ ID, Alias string }
	}
	if err := json.Unmarshal([]byte(f.fetch(v, "taxii", base, header)), &list); err != nil {
		f.fails(nil, "the collections cannot be read: %v", err)
		return
	}
	for _, c := range list.Collections {
		kind, ok := strings.CutSuffix(c.Alias, "-"+string(v.purpose))
		if !ok {
			continue
		}
		whole, incidents := "", 0
		for next, more := "", true; more; {
			var page struct {
				More    bool
				Next    string
				Objects []json.RawMessage
			}
			text := f.fetch(v, "taxii", base+c.ID+"/objects/?next="+url.QueryEscape(next), header)
			if next == "" {
				text = f.fetch(v, "taxii", base+c.ID+"/objects/", header)
			}
			if err := json.Unmarshal([]byte(text), &page); err != nil {
				f.fails(nil, "a page of objects cannot be read: %v", err)
				return
			}
			for _, o := range page.Objects {
				if strings.Contains(string(o), `"revoked":true`) {
					continue // what is left of an object that is gone; it was searched
				}
				if strings.Contains(string(o), `"type":"incident"`) {
					incidents++
				}
				whole += string(o)
			}
			next, more = page.Next, page.More
		}
		if kind == "indicators" {
			f.holds(v, "taxii", sector, whole, "")
			continue
		}
		want := 0
		for _, in := range v.sights {
			if len(inSector(in, sector)) > 0 {
				want++
			}
		}
		if incidents != want {
			f.fails(accountsIn(v.sights), "%s finds %d incidents of %s for %s in the collection, and may see %d", v.p, incidents, sector, v.purpose, want)
		}
	}
}

// lookAtEvents pulls the feed for MISP: of all purposes of the token at once.
func (f *fate) lookAtEvents(v view) {
	given := f.given(v.p)
	all := f.viewOf(v.p, v.p.card.Purposes...)
	req, err := http.NewRequest(http.MethodGet, given.MISP, nil)
	f.must(err)
	req.SetBasicAuth(given.User, given.Token)
	var manifest map[string]json.RawMessage
	if err := json.Unmarshal([]byte(f.fetch(all, "misp", given.MISP+"/"+misp.FeedManifest, req.Header)), &manifest); err != nil {
		f.fails(nil, "the manifest cannot be read: %v", err)
		return
	}
	whole := ""
	for _, id := range slices.Sorted(maps.Keys(manifest)) {
		whole += f.fetch(all, "misp", given.MISP+"/"+id+misp.FeedEvent, req.Header)
	}
	f.holds(all, "misp", pick(f, v.p.card.Sectors...), whole, "")
}

// lookAtPages signs somebody in, who looks at pages.
func (f *fate) lookAtPages(v view, sector string) {
	link, err := v.p.Member.Hub.Login(f.ctx(), wire.LoginRequest{Person: "analyst"})
	f.must(err)
	u, err := url.Parse(link.URL)
	f.must(err)
	jar, err := cookiejar.New(nil)
	f.must(err)
	browser := &http.Client{Jar: jar, Transport: f}
	resp, err := browser.PostForm(f.trust.URL+"/signin", url.Values{"code": {u.Query().Get("code")}})
	f.must(err)
	resp.Body.Close()
	for _, path := range []string{"", "/incidents", "/incidents?format=json", "/indicators", "/indicators?format=csv", "/campaigns", "/statistics", "/releases", "mine", "terms", "notices"} {
		address := f.trust.URL + "/sectors/" + sector + path
		if path != "" && path[0] != '/' {
			address = f.trust.URL + "/" + path
		}
		sign := "?"
		if strings.Contains(path, "?") {
			sign = "&"
		}
		resp, err := browser.Get(address + sign + "for=" + string(v.purpose))
		f.must(err)
		body, err := io.ReadAll(resp.Body)
		f.must(err)
		if resp.StatusCode != http.StatusOK {
			f.fails(nil, "the page %s is answered %s", path, resp.Status)
			return
		}
		f.scan(v, "pages", string(body))
		if path == "/incidents" {
			for _, m := range incidentIn.FindAllStringSubmatch(string(body), 2) {
				resp, err := browser.Get(f.trust.URL + m[1] + "?for=" + string(v.purpose))
				f.must(err)
				body, err := io.ReadAll(resp.Body)
				f.must(err)
				f.scan(v, "pages", string(body))
			}
		}
	}
}

var incidentIn = regexp.MustCompile(`href="(/incidents/[^"?#]+)`)

// lookAtPicture reads the statistics. No figure counts more incidents than there
// are reports that its stake may count, by the terms that hold now, at the moment
// when it was taken.
func (f *fate) lookAtPicture(v view, sector string) {
	if f.chance(50) { // what was taken before is soon not answered any more
		f.snapshot()
	}
	var picture struct {
		Tables []struct {
			Name    string
			Taken   time.Time
			Figures []struct {
				Value    float64
				Withheld string
			}
		}
	}
	text := f.get(v, "picture", "/v1/sectors/"+sector+"/picture?for="+string(v.purpose))
	if err := json.Unmarshal([]byte(text), &picture); err != nil {
		f.fails(nil, "the picture is answered %.200s", text)
		return
	}
	for _, table := range picture.Tables {
		if table.Name != "industry" {
			continue
		}
		counted, most := 0, 0
		for _, figure := range table.Figures {
			if figure.Withheld == "" {
				counted += int(figure.Value)
			}
		}
		var of []*account
		for _, r := range f.live() {
			if r.sector == sector && slices.ContainsFunc(r.revs, func(rev *edition) bool { return f.countable(v, rev, "victim.industry", table.Taken) }) {
				most++
				of = append(of, r)
			}
		}
		f.looked["picture"] += counted
		if counted > most {
			f.fails(of, "the statistics of %s, taken at %s, count %d incidents for %s; of %d reports they may count the industry", sector, table.Taken.Format(time.DateTime), counted, v.p, most)
		}
	}
}

// countable: its terms grant the stake at least counted for one of the purposes
// of statistics, whoever of the stake asks.
func (f *fate) countable(v view, rev *edition, path string, taken time.Time) bool {
	by := rev.of.by
	if rev.received.After(taken) || by.suspended || !f.now().Before(by.until) && !by.keeps {
		return false
	}
	std := f.oracle.standards[rev.of.sector]
	fd, _ := std.Field(path)
	for _, purpose := range []member.Purpose{member.Benchmark, member.Study, member.Defend, member.Investigate} {
		who := reader{stake: v.p.card.Stake, sectors: []string{rev.of.sector}, purpose: purpose}
		if len(f.oracle.granted(std, by.sheet, fd, who, moment{rev.of.sector, rev.received, taken, 1000})) > 0 {
			return true
		}
	}
	return false
}

// lookAtReleases reads every release of a sector. None tells anything that is
// planted: values that can be told apart are in no column. It is withdrawn at
// the latest when it has more records than there are reports left of those that
// there were.
func (f *fate) lookAtReleases(v view, sector string) {
	var list struct {
		Items []struct {
			ID      wire.ReleaseID
			Records int
			Files   []struct{ Name string }
		}
	}
	text := f.get(v, "releases", "/v1/sectors/"+sector+"/releases")
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		f.fails(nil, "the releases are answered %.200s", text)
		return
	}
	for _, r := range list.Items {
		gone := func(a *account) bool { return a.gone || a.sector != sector }
		left := slices.DeleteFunc(slices.Clone(f.released[r.ID]), gone)
		for _, file := range r.Files {
			data, err := v.p.Member.Hub.Get(f.ctx(), "/v1/releases/"+string(r.ID)+"/files/"+file.Name)
			if err != nil && fault.KindOf(err) == fault.Gone {
				continue
			}
			f.must(err)
			f.looked["releases"]++
			if r.Records > len(left) {
				f.fails(f.released[r.ID], "the release %s of %d records is still there, and %d reports are left of those that there were", r.ID, r.Records, len(left))
				return
			}
			for _, found := range plantedIn(string(data)) {
				if revs := f.planted[found]; len(revs) > 0 {
					f.fails(accountsOf(revs), "the release %s tells %q in %s", r.ID, found, file.Name)
					return
				}
			}
		}
	}
}
