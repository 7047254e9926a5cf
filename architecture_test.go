// Package concord_test holds the house together: which room stands on which
// floor, and who may import whom. docs/design.md explains the table.
package concord_test

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/concord-trust/concord/"

// floors places every room. Imports go down; within a floor only as sideways
// allows.
var floors = map[string]int{
	"cmd/concord": 9,
	"sim":         8,
	"node":        7,

	"httpapi": 5, "taxii": 5, "web/hub": 5, "web/desk": 5, "web/look": 5, "store": 5, "store/storetest": 5,

	"edge": 4, "edge/collect": 4, "edge/minimise": 4, "edge/tokenise": 4, "edge/outbox": 4,
	"steward": 4,
	"hub":     4, "hub/admit": 4, "hub/receive": 4, "hub/consolidate": 4, "hub/anonymise": 4, "hub/analyse": 4, "hub/deliver": 4, "hub/notify": 4, "hub/reconcile": 4,

	"formats/misp": 3, "formats/stix": 3, "formats/veris": 3, "formats/tabular": 3, "mapping": 3, "envelope": 3, "terms": 3, "terms/reconcile": 3, "terms/policy": 3, "agreement": 3,

	"standard": 2, "report": 2, "member": 2, "observable": 2,

	"wire": 1, "oprf": 1, "ristretto": 1, "kanonymity": 1, "linkage": 1, "covering": 1,

	"fault": 0,
}

// sideways lists the imports within one floor that are allowed, each with the
// reason why data flows that way.
var sideways = map[string][]string{
	"oprf":            {"ristretto"},              // a protocol over a group
	"report":          {"standard", "observable"}, // a report is a record over a standard
	"standard":        {"observable"},             // token types are canonicaliser types
	"mapping":         {"formats/misp", "formats/stix", "formats/veris", "formats/tabular"},
	"agreement":       {"terms", "envelope"},     // it carries terms and is signed
	"terms/reconcile": {"terms"},                 // it asks the one evaluator
	"terms/policy":    {"terms", "formats/stix"}, // says terms in other languages, and reads them
	"edge/minimise":   {"edge/collect"},
	"edge/tokenise":   {"edge/collect", "edge/minimise"},
	"edge/outbox":     {"edge/collect", "edge/minimise", "edge/tokenise"},
	"hub/receive":     {"hub/admit"},
	"hub/consolidate": {"hub/receive"},
	"hub/anonymise":   {"hub/receive", "hub/consolidate"},
	"hub/analyse":     {"hub/receive", "hub/consolidate"},
	"hub/deliver":     {"hub/admit", "hub/receive", "hub/consolidate", "hub/anonymise", "hub/analyse"},
	"hub/reconcile":   {"hub/admit"},                // it holds requests against the terms in force
	"hub/notify":      {"hub/admit", "hub/deliver"}, // it tells members in good standing of what they may fetch
	"web/hub":         {"web/look"},
	"web/desk":        {"web/look"},
	"store/storetest": {"store"},
}

// adapters are imported by node alone (and by their own tests).
var adapters = []string{"httpapi", "taxii", "web/hub", "web/desk", "store"}

type goPackage struct {
	ImportPath   string
	Imports      []string
	TestImports  []string
	XTestImports []string
}

func packages(t *testing.T) []goPackage {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports,TestImports,XTestImports", "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []goPackage
	dec := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var p goPackage
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

// room returns the name of a package of this module, or "".
func room(path string) string {
	r, ok := strings.CutPrefix(path, module)
	if !ok || strings.HasPrefix(r, "internal/") {
		return ""
	}
	return r
}

func TestEveryImportGoesDownOrIsListed(t *testing.T) {
	for _, p := range packages(t) {
		from := room(p.ImportPath)
		if from == "" {
			continue
		}
		floor, known := floors[from]
		if !known {
			t.Errorf("room %s stands on no floor: add it to the table here and in docs/design.md, or find the room it belongs to", from)
			continue
		}
		for _, imp := range p.Imports {
			to := room(imp)
			if to == "" {
				continue
			}
			if below, ok := floors[to]; ok && below < floor || slices.Contains(sideways[from], to) {
				continue
			}
			t.Errorf("%s imports %s: imports go down, and this one is not among the sideways ones", from, to)
		}
	}
}

func TestEveryRoomOfTheTableExists(t *testing.T) {
	have := map[string]bool{}
	for _, p := range packages(t) {
		have[room(p.ImportPath)] = true
	}
	for r := range floors {
		if !have[r] {
			t.Errorf("the table names %s, which does not exist", r)
		}
	}
}

func TestOnlyNodeImportsAdapters(t *testing.T) {
	for _, p := range packages(t) {
		from := room(p.ImportPath)
		if from == "" || from == "node" || strings.HasPrefix(from, "store") || slices.Contains(adapters, from) {
			continue
		}
		for _, a := range adapters {
			if slices.Contains(p.Imports, module+a) {
				t.Errorf("%s imports the adapter %s; only node assembles adapters", from, a)
			}
		}
	}
}

func TestEdgeHubAndStewardMeetOnlyInWire(t *testing.T) {
	banks := []string{"edge", "hub", "steward"}
	bank := func(r string) string {
		for _, b := range banks {
			if r == b || strings.HasPrefix(r, b+"/") {
				return b
			}
		}
		return ""
	}
	for _, p := range packages(t) {
		from := bank(room(p.ImportPath))
		if from == "" {
			continue
		}
		for _, imp := range p.Imports {
			if to := bank(room(imp)); to != "" && to != from {
				t.Errorf("%s imports %s: banks of the river meet in wire", p.ImportPath, imp)
			}
		}
	}
}

func TestGroundIsPure(t *testing.T) {
	banned := []string{"os", "net", "net/http", "database/sql", "time", "os/exec", "log", "log/slog"}
	for _, p := range packages(t) {
		r := room(p.ImportPath)
		if floors[r] != 1 {
			continue
		}
		for _, imp := range p.Imports {
			if slices.Contains(banned, imp) {
				t.Errorf("%s imports %s: floor 1 has no I/O and no clock", r, imp)
			}
		}
	}
}

// restoreCallers lists, for each room that mints a type with unexported
// fields, who may call the room's Restore, by which a stored row becomes one
// again.
var restoreCallers = map[string][]string{
	"hub/receive": {"hub/consolidate", "hub/deliver", "hub/anonymise", "hub/analyse", "node"},
}

// testSuites are packages that only tests import (TestSuitesServeTestsAlone).
// Like a _test.go file they may restore rows, since what they mint reaches
// nobody.
var testSuites = []string{"store/storetest"}

func TestSuitesServeTestsAlone(t *testing.T) {
	for _, p := range packages(t) {
		for _, suite := range testSuites {
			if slices.Contains(p.Imports, module+suite) {
				t.Errorf("%s imports the test suite %s outside of its tests", p.ImportPath, suite)
			}
		}
	}
}

func TestRestoreIsCalledOnlyByListedRooms(t *testing.T) {
	for from, allowed := range restoreCallers {
		for _, file := range callers(t, from, "Restore") {
			dir := path.Dir(file)
			if dir != from && !slices.Contains(allowed, dir) && !slices.Contains(testSuites, dir) {
				t.Errorf("%s calls Restore of %s; only %v may", file, from, allowed)
			}
		}
	}
}

// callers lists the files, tests left out, in which a name of a room is used,
// whatever the file calls the room.
func callers(t *testing.T, room, name string) []string {
	t.Helper()
	var files []string
	err := fs.WalkDir(os.DirFS("."), ".", func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Ext(file) != ".go" || strings.HasSuffix(file, "_test.go") {
			return err
		}
		syntax, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err == nil && uses(syntax, room, name) {
			files = append(files, file)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func uses(file *ast.File, room, name string) bool {
	local := ""
	for _, i := range file.Imports {
		switch {
		case i.Path.Value != strconv.Quote(module+room):
		case i.Name == nil:
			local = path.Base(room)
		case i.Name.Name == ".":
			return true // it may use all
		default:
			local = i.Name.Name
		}
	}
	found := false
	ast.Inspect(file, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok && s.Sel.Name == name {
			x, ok := s.X.(*ast.Ident)
			found = found || ok && x.Name == local
		}
		return !found
	})
	return found
}

// TestACorridorNamesItsRooms holds edge and hub, which are comments, to the
// rooms that there are.
func TestACorridorNamesItsRooms(t *testing.T) {
	for _, corridor := range []string{"edge", "hub"} {
		text, err := os.ReadFile(corridor + "/" + corridor + ".go")
		if err != nil {
			t.Fatal(err)
		}
		for r := range floors {
			name, inside := strings.CutPrefix(r, corridor+"/")
			if inside && !regexp.MustCompile(`(?m)^//\t[│├─ ]*`+name+`\s+──▶`).Match(text) {
				t.Errorf("%s/%s.go does not say what flows from %s", corridor, corridor, r)
			}
		}
	}
}
