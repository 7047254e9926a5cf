package standard

import (
	"os"
	"strings"
	"testing"
)

func TestTheExampleOfTheDocumentationIsAStandard(t *testing.T) {
	page, err := os.ReadFile("../docs/standard.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(page), "```json\n")
	example, _, found := strings.Cut(after, "```")
	if !found {
		t.Fatal("docs/standard.md has no example")
	}
	s, faults := ValidateDocument([]byte(example), Builtin)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	if _, ok := s.Field("energy.plant"); !ok || s.Ref() != "energy/1.0" {
		t.Errorf("read as %s", s.Ref())
	}
}
