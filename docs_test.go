package concord_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Each claim of the threat model is as good as the tests that it names: they
// are there, in the packages that it says.
func TestTheThreatModelNamesTestsThatExist(t *testing.T) {
	text, err := os.ReadFile("docs/threat-model.md")
	if err != nil {
		t.Fatal(err)
	}
	quoted := regexp.MustCompile("`([^`]+)`")
	function := regexp.MustCompile(`^(Test|Fuzz)[A-Z]\w*$`)
	named := 0
	for row := range strings.Lines(string(text)) {
		if !strings.HasPrefix(row, "| ") {
			continue
		}
		dir := ""
		for _, m := range quoted.FindAllStringSubmatch(row, -1) {
			switch {
			case function.MatchString(m[1]):
				named++
				if dir == "" || !hasTest(t, dir, m[1]) {
					t.Errorf("the package %q has no %s", dir, m[1])
				}
			case floors[m[1]] > 0:
				dir = m[1]
			}
		}
	}
	if named < 30 {
		t.Errorf("%d tests are named; was the table lost?", named)
	}
}

func hasTest(t *testing.T, dir, name string) bool {
	t.Helper()
	files, err := filepath.Glob(dir + "/*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "func "+name+"(") {
			return true
		}
	}
	return false
}
