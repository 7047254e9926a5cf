package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/spf13/cobra"

	"github.com/concord-trust/concord/fault"
)

func TestTheFirstRecordTellsTheFormat(t *testing.T) {
	long := strings.Repeat(`"x",`, 40000)
	for _, c := range []struct{ name, file, mapFile, start, want string }{
		{"a bundle", "a.json", "", `{"type":"bundle","id":"bundle--8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f","objects":[]}`, "stix"},
		{"an object of STIX in an array", "-", "", ` [ {"id":"url--8e2e2d2b-17d4-5cbf-938f-98ee46b3cd3f","type":"url"}]`, "stix"},
		{"an event", "-", "", `{"Event":{"info":"x"}}`, "misp"},
		{"a search result of MISP", "-", "", "\n" + `{"response":[` + long, "misp"},
		{"a report", "-", "", `{"action":{"hacking":{}},"native":"1"}`, "report"},
		{"an incident", "report.json", "", `{"schema_version":"1.3.4","action":{}}`, "veris"},
		{"an incident that breaks off", "-", "", `{"incident_id":"1","summary":"` + long, "veris"},
		{"what may be either, by its name", "june.report.jsonl", "", `{"action":{"hacking":{}}}`, "report"},
		{"what may be either", "june.jsonl", "", `{"action":{"hacking":{}}}`, "veris"},
		{"a table", "-", "", "Case;Site\n1;x\n", "csv"},
		{"a table by its name", "x.csv", "", `{"Event":{}}`, "csv"},
		{"a table of objects, by its map", "x.jsonl", "map.yaml", `{"native":"1"}`, "csv"},
		{"nothing", "x.stix.json", "", "", "stix"},
		{"broken", "x", "", `{`, "veris"},
		{"a number", "x", "", `[1,`, "veris"},
		{"UTF-16", "-", "", "\xff\xfe{\x00\"\x00E\x00v\x00e\x00n\x00t\x00\"\x00:\x00{\x00}\x00}\x00", "misp"},
	} {
		var zipped bytes.Buffer
		z := gzip.NewWriter(&zipped)
		if _, err := io.WriteString(z, c.start); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		for how, data := range map[string][]byte{"plain": []byte(c.start), "gzip": zipped.Bytes()} {
			in := bufio.NewReaderSize(bytes.NewReader(data), 1<<16)
			if got := guess(c.file, c.mapFile, beginning(in)); got != c.want {
				t.Errorf("%s, %s: read as %s, not %s", c.name, how, got, c.want)
			}
			if left, err := io.ReadAll(in); err != nil || !bytes.Equal(left, data) {
				t.Errorf("%s, %s: looking at it took something away", c.name, how)
			}
		}
	}
}

func FuzzFormatOfContent(f *testing.F) {
	for _, seed := range []string{`{"Event":{}}`, `[[[{"type":"x","id":"x--"}`, "a,b", "\xff\xfe", `{"a":`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		switch got := formatOfContent(data); got {
		case "", "stix", "misp", "report", "veris", "csv":
		default:
			t.Errorf("%q is no format", got)
		}
	})
}

// A stream that goes on is judged by what has come of it.
func TestTheBeginningIsNotWaitedFor(t *testing.T) {
	out, in := io.Pipe()
	defer out.Close()
	go io.WriteString(in, `{"Event":{}}`) //nolint:errcheck // the test reads it; it never ends
	if got := formatOfContent(beginning(bufio.NewReaderSize(out, 1<<16))); got != "misp" {
		t.Errorf("read as %q", got)
	}
}

func TestWhyAFileIsRefusedIsSaidInWords(t *testing.T) {
	for err, says := range map[error]string{
		fs.ErrNotExist: "none of this name", fs.ErrPermission: "no permission", syscall.EISDIR: "folder", syscall.ENOSPC: "full",
		syscall.EROFS: "cannot be written", syscall.ENOTDIR: "no folder", fs.ErrExist: "already",
	} {
		wrapped := &fs.PathError{Op: "open", Path: "x", Err: err}
		if got := because(wrapped); !strings.Contains(got, says) {
			t.Errorf("%v is told as %q", err, got)
		}
	}
}

func TestAFileTakesItsPlaceWhenItIsWhole(t *testing.T) {
	dir := t.TempDir()
	name, link := filepath.Join(dir, "out.jsonl"), filepath.Join(dir, "link.jsonl")
	if err := os.WriteFile(name, []byte("before"), 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(name, link); err != nil {
		t.Fatal(err)
	}
	holds := func(want string) {
		t.Helper()
		if got, err := os.ReadFile(name); err != nil || string(got) != want {
			t.Errorf("it holds %q, %v", got, err)
		}
	}
	write := func(text string) *outFile {
		t.Helper()
		f, err := newOutFile(&cobra.Command{}, link, nil)
		if err == nil {
			_, err = io.WriteString(f, text)
		}
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	f := write("half")
	holds("before")
	f.drop()
	holds("before")
	f = write("whole")
	if err := f.keep(); err != nil {
		t.Fatal(err)
	}
	f.drop() // does nothing any more
	holds("whole")
	if info, err := os.Lstat(link); err != nil || info.Mode()&fs.ModeSymlink == 0 {
		t.Errorf("the link is gone: %v", err)
	}
	if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("its mode is %v, %v", info.Mode(), err)
	}
	if all, err := os.ReadDir(dir); err != nil || len(all) != 2 {
		t.Errorf("left behind: %v, %v", all, err)
	}
	for _, inputs := range [][]string{{name}, {link}, {filepath.Join(dir, ".", "out.jsonl")}} {
		if _, err := newOutFile(&cobra.Command{}, name, inputs); fault.KindOf(err) != fault.Usage {
			t.Errorf("%v is read and written at once: %v", inputs, err)
		}
	}
	null, err := newOutFile(&cobra.Command{}, os.DevNull, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(null, "away"); err != nil || null.keep() != nil {
		t.Errorf("a device is not written: %v", err)
	}
}
