// Package shareddata finds the real data that tests use. It stands beside the
// repository, never in it: <repository>/../shared/data, one folder per origin,
// each with a README.
//
//	f := shareddata.Open(t, "vcdb", "incidents.json.gz") // decompressed
//
// A test whose data is absent is skipped with a line that names the missing
// path, so that a bare clone stays green; with CONCORD_CI=1 it fails instead,
// so that CI cannot pass by testing nothing.
package shareddata

import (
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Dir returns the absolute path of the shared data folder. It walks up from
// the working directory to the root of the module (where go.mod is) and looks
// beside it.
func Dir(t testing.TB) string {
	t.Helper()
	wd, err := os.Getwd()
	if err != nil {
		t.Fatalf("find the shared data: %v", err)
	}
	root, err := repository(wd)
	if err != nil {
		t.Fatalf("find the shared data: %v", err)
	}
	dir := filepath.Join(filepath.Dir(root), "shared", "data")
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		missing(t, dir)
	}
	return dir
}

// File returns the absolute path of a file or folder below [Dir].
func File(t testing.TB, elem ...string) string {
	t.Helper()
	path := filepath.Join(append([]string{Dir(t)}, elem...)...)
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		missing(t, path)
	} else if err != nil {
		t.Fatalf("find the shared data: %v", err)
	}
	return path
}

// Open opens a file below [Dir] for reading; one whose name ends in .gz is
// decompressed on the way. It is closed when the test ends, if not before.
func Open(t testing.TB, elem ...string) io.ReadCloser {
	t.Helper()
	path := File(t, elem...)
	file, err := os.Open(path)
	if err != nil {
		t.Fatalf("open the shared data: %v", err)
	}
	t.Cleanup(func() { file.Close() })
	if !strings.HasSuffix(path, ".gz") {
		return file
	}
	plain, err := gzip.NewReader(file)
	if err != nil {
		t.Fatalf("open the shared data: %s: %v", path, err)
	}
	return &unzipped{Reader: plain, file: file}
}

// unzipped closes the file under a gzip reader together with it.
type unzipped struct {
	*gzip.Reader
	file *os.File
}

func (u *unzipped) Close() error { return errors.Join(u.Reader.Close(), u.file.Close()) }

// repository walks up from dir to the folder that holds go.mod.
func repository(dir string) (string, error) {
	for at := dir; ; at = filepath.Dir(at) {
		if _, err := os.Stat(filepath.Join(at, "go.mod")); err == nil {
			return at, nil
		}
		if at == filepath.Dir(at) {
			return "", errors.New("no go.mod in " + dir + " or above it")
		}
	}
}

// missing skips the test, or fails it in CI.
func missing(t testing.TB, path string) {
	t.Helper()
	if os.Getenv("CONCORD_CI") == "1" {
		t.Fatalf("shared data is missing, and CONCORD_CI=1 demands it: %s", path)
	}
	t.Skipf("shared data is missing, test skipped: %s", path)
}
