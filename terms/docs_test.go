package terms

import (
	"os"
	"strings"
	"testing"

	"github.com/concord-trust/concord/standard"
)

// The page that explains sheets shows one that is read as it says, names the
// sheets that come with the program, and quotes a sentence of the default one.
func TestThePageOfTermsIsTrue(t *testing.T) {
	page, err := os.ReadFile("../docs/terms.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "```yaml\n")
	shown, _, ok := strings.Cut(rest, "```")
	if !ok {
		t.Fatal("the page shows no sheet")
	}
	sheet, err := Parse("docs/terms.md", []byte(shown))
	if err != nil {
		t.Fatal(err)
	}
	std, err := standard.Builtin("finance/1.0")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Compile(sheet, std); err != nil {
		t.Error(err)
	}
	for _, name := range Builtins() {
		if !strings.Contains(string(page), "| `"+name+"` |") {
			t.Errorf("the page does not name the sheet %s", name)
		}
	}
	byDefault, err := Builtin("default")
	if err != nil {
		t.Fatal(err)
	}
	if s := Sentence(byDefault.Clauses[0], std); !strings.Contains(string(page), "> "+s+"\n") {
		t.Errorf("the page does not quote %q", s)
	}
	for _, class := range standard.Classes() {
		if !strings.Contains(string(page), "`"+string(class)+"`") && !strings.Contains(string(page), "class:"+string(class)) {
			t.Errorf("the page does not name the class %s", class)
		}
	}
	for _, tlp := range []string{"TLP:RED", "TLP:AMBER", "TLP:GREEN"} {
		if !strings.Contains(string(page), tlp) {
			t.Errorf("the page does not name %s", tlp)
		}
	}
}
