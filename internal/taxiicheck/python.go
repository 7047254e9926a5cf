package taxiicheck

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// clients are the distributions that tests need, as .ci/run installs them.
var clients = []string{"taxii2-client", "stix2", "pymisp", "pandas", "pyarrow"}

// Python is an interpreter whose environment has the libraries named: that of
// CONCORD_PYTHON, else python3. Without them the test is skipped with a line
// that says how to have them; with CONCORD_CI=1 it fails.
func Python(t testing.TB, libraries ...string) string {
	t.Helper()
	python := os.Getenv("CONCORD_PYTHON")
	if python == "" {
		python = "python3"
	}
	for _, l := range libraries {
		if out, err := exec.Command(python, "-c", "import "+l).CombinedOutput(); err != nil {
			missing := t.Skipf
			if os.Getenv("CONCORD_CI") == "1" {
				missing = t.Fatalf
			}
			missing("%s has no %s (%v): make a virtual environment, `pip install %s` in it, and name its python in CONCORD_PYTHON\n%.300s", python, l, err, strings.Join(clients, " "), out)
		}
	}
	return python
}
