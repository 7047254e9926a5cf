package taxii_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/internal/shareddata"
	"github.com/concord-trust/concord/internal/taxiicheck"
	"github.com/concord-trust/concord/internal/taxiimemory"
	"github.com/concord-trust/concord/taxii"
)

// one lets one user in.
type one struct {
	user, password string
	source         taxii.Source
}

func (o one) Open(_ context.Context, l taxii.Login) (taxii.Source, error) {
	if l != (taxii.Login{User: o.user, Password: o.password}) && l != (taxii.Login{Token: o.password}) {
		return nil, fault.New(fault.Unauthenticated, "test.login", "wrong user or password")
	}
	return o.source, nil
}

func serve(t testing.TB, source taxii.Source, rootsAt string, pageSize int) taxiicheck.Client {
	t.Helper()
	s := httptest.NewServer(&taxii.Handler{Sources: one{"admin", "Password0", source}, RootsAt: rootsAt, PageSize: pageSize,
		Realm: "test", Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	t.Cleanup(s.Close)
	return taxiicheck.Client{Base: s.URL, Authorization: "Basic YWRtaW46UGFzc3dvcmQw"}
}

// fixture reads a server's whole content, as the shared one is written.
func fixture(t *testing.T, path string, now func() time.Time) *taxiimemory.Memory {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var parts map[string]json.RawMessage
	if err := json.Unmarshal(data, &parts); err != nil {
		t.Fatal(err)
	}
	var discovery taxii.Discovery
	unpack(t, parts["/discovery"], &discovery)
	delete(parts, "/discovery")
	m := taxiimemory.NewMemory(discovery, now)
	for name, part := range parts {
		var root struct {
			Information taxii.Root     `json:"information"`
			Status      []taxii.Status `json:"status"`
			Collections []struct {
				taxii.Collection
				Objects  []json.RawMessage `json:"objects"`
				Manifest []struct {
					Added     time.Time `json:"date_added"`
					ID        string    `json:"id"`
					MediaType string    `json:"media_type"`
					Version   string    `json:"version"`
				} `json:"manifest"`
			} `json:"collections"`
		}
		unpack(t, part, &root)
		m.AddRoot(name, root.Information, root.Status...)
		for _, c := range root.Collections {
			var records []taxii.Record
			for i, line := range c.Manifest {
				rec := taxii.Record{Place: taxii.Place{Added: line.Added, N: int64(i)}, ID: line.ID, Version: line.Version}
				rec.Type, _, _ = strings.Cut(line.ID, "--")
				_, rec.Spec, _ = strings.Cut(line.MediaType, "version=")
				rec.Object = objectOf(t, c.Objects, line.ID, line.Version)
				records = append(records, rec)
			}
			m.AddCollection(name, c.Collection, records)
		}
	}
	return m
}

func unpack(t *testing.T, data []byte, v any) {
	t.Helper()
	if err := json.Unmarshal(data, v); err != nil {
		t.Fatal(err)
	}
}

func objectOf(t *testing.T, objects []json.RawMessage, id, version string) json.RawMessage {
	t.Helper()
	for _, o := range objects {
		var head struct{ ID, Modified, Created string }
		unpack(t, o, &head)
		if head.ID == id && (head.Modified == version || head.Modified == "" && (head.Created == version || head.Created == "")) {
			return o
		}
	}
	t.Fatalf("the fixture has no object %s of %s", id, version)
	return nil
}

// Every requirement holds on a fresh fixture; what is one server's wording is
// listed.
func TestEveryRequirementOfTheProtocolHolds(t *testing.T) {
	path := shareddata.File(t, "taxii", "default_data.json")
	all, err := taxiicheck.Load(shareddata.File(t, "taxii", "requirements.json"))
	if err != nil {
		t.Fatal(err)
	}
	if len(all) == 0 {
		t.Fatal("no requirements: was the file lost?")
	}
	for _, r := range all {
		t.Run(r.ID, func(t *testing.T) {
			m := fixture(t, path, time.Now)
			client := serve(t, m, "/", 20)
			client.Event = func() { m.Sweep(time.Now().Add(-24 * time.Hour)) }
			failed, excepted := client.Run(r)
			for _, f := range failed {
				t.Error(f)
			}
			for _, e := range excepted {
				t.Log("excepted, one server's wording:", e)
			}
		})
	}
}
