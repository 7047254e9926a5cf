// Package taxiibench measures a TAXII server from outside, the same way for
// ours and for OpenTAXII, which it starts beside it.
package taxiibench

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

const mediaType = "application/taxii+json;version=2.1"

// Figures are what a run of equal requests took.
type Figures struct {
	Requests         int     `json:"requests"`
	ObjectsPerSecond float64 `json:"objects_per_second"`
	MedianMillis     float64 `json:"median_ms"`
	P99Millis        float64 `json:"p99_ms"`
}

// Collection is where a collection's objects are, and the Authorization that is
// sent, if any.
type Collection struct{ Objects, Authorization string }

// Pages asks for pages of a collection, each with another query, one request
// after the other, and counts the objects in them.
func Pages(t testing.TB, c Collection, queries []string) Figures {
	t.Helper()
	var into bytes.Buffer
	return run(t, len(queries), func(i int) (int, error) {
		err := c.ask(http.MethodGet, "?"+queries[i], "", &into)
		return bytes.Count(into.Bytes(), []byte(`"spec_version"`)), err
	})
}

// Adds posts envelopes to a collection, one after the other, and returns the
// ids of their statuses, too.
func Adds(t testing.TB, c Collection, envelopes []string) (f Figures, statuses []string) {
	t.Helper()
	var into bytes.Buffer
	f = run(t, len(envelopes), func(i int) (int, error) {
		if err := c.ask(http.MethodPost, "", envelopes[i], &into); err != nil {
			return 0, err
		}
		s, err := statusIn(into.Bytes())
		statuses = append(statuses, s.ID)
		return strings.Count(envelopes[i], `"spec_version"`), err
	})
	return f, statuses
}

type status struct {
	ID, Status string
	Success    int `json:"success_count"`
	Failure    int `json:"failure_count"`
}

func statusIn(text []byte) (s status, err error) {
	if err = json.Unmarshal(text, &s); err == nil && s.Failure > 0 {
		err = fmt.Errorf("%d objects were not taken: %.1000s", s.Failure, text)
	}
	return s, err
}

// Settled waits until requests are complete, and returns how many objects they
// took. At is the collection, or another of its API root.
func Settled(t testing.TB, at Collection, statuses []string) (objects int) {
	t.Helper()
	root, _, _ := strings.Cut(at.Objects, "/collections/")
	var into bytes.Buffer
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for _, id := range statuses {
		for {
			one := Collection{root + "/status/" + id + "/", at.Authorization}
			if err := one.ask(http.MethodGet, "", "", &into); err != nil {
				t.Fatal(err)
			}
			s, err := statusIn(into.Bytes())
			if err != nil {
				t.Fatal(err)
			}
			if s.Status == "complete" {
				objects += s.Success
				break
			}
			select {
			case <-tick.C:
			case <-t.Context().Done():
				t.Fatal("it never ends that a request is taken in")
			}
		}
	}
	return objects
}

func run(t testing.TB, requests int, one func(i int) (objects int, err error)) Figures {
	t.Helper()
	took := make([]time.Duration, requests)
	objects := 0
	begun := time.Now()
	for i := range took {
		at := time.Now()
		n, err := one(i)
		if err != nil {
			t.Fatal(err)
		}
		took[i] = time.Since(at)
		objects += n
	}
	all := time.Since(begun)
	slices.Sort(took)
	millis := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	return Figures{requests, float64(objects) / all.Seconds(), millis(took[requests/2]), millis(took[min(requests-1, requests*99/100)])}
}

// ask sends a request and reads the answer into a buffer, which is used again.
func (c Collection) ask(method, query, body string, into *bytes.Buffer) error {
	req, err := http.NewRequest(method, c.Objects+query, strings.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Accept", mediaType)
	req.Header.Set("Content-Type", mediaType)
	if c.Authorization != "" {
		req.Header.Set("Authorization", c.Authorization)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	into.Reset()
	_, err = into.ReadFrom(res.Body)
	if err == nil && res.StatusCode >= 300 {
		err = fmt.Errorf("%s %s: %s %.300s", method, c.Objects+query, res.Status, into)
	}
	return err
}

// Object is an indicator as both servers hold it.
func Object(n int) string {
	const at = "2026-01-01T00:00:00.000000Z"
	return fmt.Sprintf(`{"type":"indicator","spec_version":"2.1","id":"indicator--00000000-0000-4000-8000-%012x","name":"Seen in incidents: domain","description":"Last seen 2026-01-14; reported by fewer than 5 members.","indicator_types":["malicious-activity"],"pattern":"[domain-name:value = 'host-%d.northw1nd.net']","pattern_type":"stix","pattern_version":"2.1","object_marking_refs":["marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421"],"created":"%s","modified":"%s","valid_from":"%s"}`,
		n, n, at, at, at)
}

// Envelopes are of so many objects each.
func Envelopes(from, count, size int) (all []string) {
	for i := range count {
		var objects []string
		for j := range size {
			objects = append(objects, Object(from+i*size+j))
		}
		all = append(all, `{"objects":[`+strings.Join(objects, ",")+`]}`)
	}
	return all
}

// OpenTAXII starts one with two workers over a PostgreSQL database, in which a
// collection holds so many objects, a microsecond apart from 2026-01-01 on. The
// interpreter is that of an environment with opentaxii==0.9.3 SQLAlchemy==1.4.54
// Werkzeug==2.3.8 Flask==2.3.3 marshmallow==3.26.2 psycopg2-binary==2.9.13
// gunicorn.
func OpenTAXII(t testing.TB, python, dsn string, objects int) Collection {
	t.Helper()
	dir := t.TempDir()
	config := filepath.Join(dir, "opentaxii.yml")
	address := free(t)
	engine := engineOf(dsn)
	text := fmt.Sprintf(`---
domain: %q
support_basic_auth: yes
auth_api: {class: opentaxii.auth.sqldb.SQLDatabaseAPI, parameters: {db_connection: %q, create_tables: yes, secret: of a benchmark, token_ttl_secs: 3600}}
taxii1:
taxii2:
  persistence_api: {class: opentaxii.persistence.sqldb.Taxii2SQLDatabaseAPI, parameters: {db_connection: %q, create_tables: yes}}
  title: benchmark
  max_content_length: 20971520
logging: {opentaxii: error, root: error}
`, address, engine, engine)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	command := func(args ...string) *exec.Cmd {
		cmd := exec.Command(python, args...)
		cmd.Env = append(os.Environ(), "OPENTAXII_CONFIG="+config, "PYTHONWARNINGS=ignore")
		return cmd
	}
	fill := command("-c", fillOpenTAXII, engine, fmt.Sprint(objects), Object(0))
	var says bytes.Buffer
	fill.Stderr = &says
	out, err := fill.Output()
	if err != nil {
		t.Fatalf("fill OpenTAXII: %v\n%s", err, says.String())
	}
	var ids [2]string
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &ids); err != nil {
		t.Fatalf("fill OpenTAXII: %v\n%s", err, out)
	}
	mending := filepath.Join(dir, "gunicorn.py")
	if err := os.WriteFile(mending, []byte(mendOpenTAXII), 0o600); err != nil {
		t.Fatal(err)
	}
	server := command("-m", "gunicorn", "opentaxii.http:app", "--config", mending, "--workers", "2", "--bind", address, "--log-level", "error")
	server.Stderr = os.Stderr
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Process.Signal(os.Interrupt); err != nil {
			t.Error(err)
		}
		server.Wait() //nolint:errcheck // it was told to end
	})
	c := Collection{Objects: "http://" + address + "/taxii2/" + ids[0] + "/collections/" + ids[1] + "/objects/"}
	deadline := time.Now().Add(time.Minute)
	for {
		err := c.ask(http.MethodGet, "?limit=1", "", &bytes.Buffer{})
		if err == nil {
			return c
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// mendOpenTAXII lets it write the id of a status, which PostgreSQL gives it as a
// UUID: as it is, it stores what is added and then answers with status 500.
const mendOpenTAXII = `
import json, uuid
plain = json.JSONEncoder.default
json.JSONEncoder.default = lambda self, o: str(o) if isinstance(o, uuid.UUID) else plain(self, o)
`

// fillOpenTAXII makes the collection by OpenTAXII's own commands, and its objects
// by the database: one by one would take an hour.
const fillOpenTAXII = `
import json, sys
import sqlalchemy
from opentaxii.cli import app
engine, count, sample = sys.argv[1], int(sys.argv[2]), json.loads(sys.argv[3])
with app.app_context():
    api = app.taxii_server.servers.taxii2.persistence.api
    root = api.add_api_root(title="bench", description="bench", default=True, is_public=True)
    collection = api.add_collection(api_root_id=str(root.id), title="bench", description="bench", alias=None, is_public=True, is_public_write=True)
body = {k: v for k, v in sample.items() if k not in ("id", "type", "spec_version")}
body["pattern"] = "[domain-name:value = 'host-@.example']"
with sqlalchemy.create_engine(engine).begin() as db:
    uuid = "::uuid" if db.dialect.name == "postgresql" and "uuid" in str(db.execute(sqlalchemy.text(
        "select data_type from information_schema.columns where table_name='opentaxii_stixobject' and column_name='pk'")).scalar()) else "::text"
    db.execute(sqlalchemy.text(f"""insert into opentaxii_stixobject (pk, id, collection_id, type, spec_version, date_added, version, serialized_data)
        select gen_random_uuid(){uuid}, 'indicator--00000000-0000-4000-8000-' || lpad(to_hex(n), 12, '0'), cast(:collection as text){uuid}, 'indicator', '2.1',
        timestamp '2026-01-01' + n * interval '1 microsecond', timestamp '2026-01-01', cast(replace(:body, '@', n::text) as json)
        from generate_series(0, :count - 1) as n"""), {"collection": str(collection.id), "body": json.dumps(body), "count": count})
with sqlalchemy.create_engine(engine, isolation_level="AUTOCOMMIT").connect() as db:
    db.execute(sqlalchemy.text("analyze"))
print(json.dumps([str(root.id), str(collection.id)]))
`

// engineOf writes a connection string of names and values as OpenTAXII wants it.
func engineOf(dsn string) string {
	values := url.Values{}
	database := ""
	for _, part := range strings.Fields(dsn) {
		name, value, _ := strings.Cut(part, "=")
		if value = strings.Trim(value, "'"); name == "dbname" {
			database = value
		} else {
			values.Set(name, value)
		}
	}
	return "postgresql+psycopg2:///" + database + "?" + values.Encode()
}

func free(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
