package sim

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/concord-trust/concord/internal/postgrestest"
	"github.com/concord-trust/concord/internal/taxiicheck"
	"github.com/concord-trust/concord/node"
	"github.com/concord-trust/concord/observable"
)

// The data directory of a hub's PostgreSQL holds, its write-ahead log included,
// no value of a report in any form: neither those that nobody may have, nor
// those that the hub seals and serves to tools. A value that is planted there
// is found.
func TestNoValueIsFoundInTheFilesOfPostgreSQL(t *testing.T) {
	cluster := postgrestest.Start(t)
	file := filepath.Join(t.TempDir(), "dsn")
	if err := os.WriteFile(file, []byte(cluster.Database(t)), 0o600); err != nil {
		t.Fatal(err)
	}
	const reports = 12
	tr, seats := aTrustForTools(t, reports, func(c *node.HubConfig) {
		c.Store = &node.StoreConfig{Kind: node.StorePostgres, DSNFile: file}
	})
	walk := func(seen []taxiicheck.Seen) (objects int) {
		for _, s := range seen {
			objects += len(s.Objects)
		}
		return objects
	}
	if n := walk(walkAll(t, tr.tool(token(t, seats[2], "defend")))); n < reports {
		t.Fatalf("only %d objects are served; this shows nothing", n)
	}
	secrets := []secret{{text: "planted-in-the-files.example"}}
	for i := range reports {
		secrets = append(secrets,
			secret{text: fmt.Sprintf("victim-%d@firm.example", i), types: []observable.Type{"email"}},
			secret{text: fmt.Sprintf("login-%d.northw1nd-bank.net", i), types: []observable.Type{"domain"}})
	}
	search := func() *scanner {
		t.Helper()
		s, _, _ := newScanner(secrets, "")
		cluster.Do(t, "CHECKPOINT")
		err := filepath.WalkDir(cluster.Folder(), func(path string, e fs.DirEntry, err error) error {
			if err != nil || !e.Type().IsRegular() {
				return err
			}
			data, err := os.ReadFile(path)
			if os.IsNotExist(err) {
				return nil // the server removed it meanwhile
			}
			s.scan(secrets, "file "+path, data)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s := search()
	if s.bytes["file"] < 10<<20 {
		t.Errorf("only %d bytes were searched; this shows nothing", s.bytes["file"])
	}
	for _, f := range s.found["file"] {
		t.Errorf("in %s: %q (%s)", f.place, f.value, f.form)
	}
	cluster.Do(t, "CREATE TABLE planted AS SELECT 'planted-in-the-files.example' AS text")
	if len(search().found["file"]) == 0 {
		t.Error("a planted value is not found")
	}
}
