package shareddata

import (
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// layout makes a repository with shared data beside it and stands in one of
// the repository's rooms.
func layout(t *testing.T) (data string) {
	t.Helper()
	top, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	room := filepath.Join(top, "repo", "hub", "receive")
	data = filepath.Join(top, "shared", "data")
	for _, dir := range []string{room, filepath.Join(data, "kind")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write(t, filepath.Join(top, "repo", "go.mod"), "module example.test\n")
	t.Chdir(room)
	return data
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestDataIsFoundBesideTheRepository(t *testing.T) {
	data := layout(t)
	if got := Dir(t); got != data {
		t.Errorf("Dir = %s, want %s", got, data)
	}
	write(t, filepath.Join(data, "kind", "a.txt"), "plain")
	if got, want := File(t, "kind", "a.txt"), filepath.Join(data, "kind", "a.txt"); got != want {
		t.Errorf("File = %s, want %s", got, want)
	}
}

func TestOpenUnzipsByName(t *testing.T) {
	data := layout(t)
	write(t, filepath.Join(data, "a.txt"), "the words")
	var zipped strings.Builder
	z := gzip.NewWriter(&zipped)
	if _, err := io.WriteString(z, "the words"); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(data, "a.txt.gz"), zipped.String())

	for _, name := range []string{"a.txt", "a.txt.gz"} {
		f := Open(t, name)
		got, err := io.ReadAll(f)
		if err != nil || string(got) != "the words" {
			t.Errorf("%s: read %q, %v", name, got, err)
		}
		if err := f.Close(); err != nil {
			t.Errorf("%s: close: %v", name, err)
		}
	}
}

// recorder is a testing.TB that notes how a test ended instead of ending it.
type recorder struct {
	testing.TB
	ended string
}

type end struct{}

func (r *recorder) Helper()                      {}
func (r *recorder) Skipf(f string, args ...any)  { r.ended = "skip"; panic(end{}) }
func (r *recorder) Fatalf(f string, args ...any) { r.ended = "fail"; panic(end{}) }

func TestAbsentDataSkipsAndFailsInCI(t *testing.T) {
	layout(t)
	for ci, want := range map[string]string{"": "skip", "1": "fail"} {
		t.Setenv("CONCORD_CI", ci)
		r := &recorder{TB: t}
		func() {
			defer func() {
				if _, expected := recover().(end); !expected {
					t.Error("File went on without the file")
				}
			}()
			File(r, "kind", "absent.json")
		}()
		if r.ended != want {
			t.Errorf("CONCORD_CI=%q: %s, want %s", ci, r.ended, want)
		}
	}
}
