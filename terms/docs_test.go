package terms

import (
	"os"
	"reflect"
	"slices"
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
	std, err := standard.Builtin("finance/1.0")
	if err != nil {
		t.Fatal(err)
	}
	shown := sheetsOf(t, string(page))
	for _, sheet := range shown {
		if _, err := Compile(sheet, std); err != nil {
			t.Error(err)
		}
	}
	if hash, err := shown[0].Hash(); err != nil || !strings.Contains(string(page), "`"+hash+"`") {
		t.Errorf("the page does not tell that its first sheet has the hash %s (%v)", hash, err)
	}
	for _, part := range []any{Sheet{}, Clause{}, Recipient{}, Condition{}} {
		for word := range propertiesOf(reflect.TypeOf(part)) {
			if !strings.Contains(string(page), "`"+word+"`") && !strings.Contains(string(page), "`{"+word+":") && !strings.Contains(string(page), "`"+word+": ") {
				t.Errorf("the page does not explain the word %s", word)
			}
		}
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
	for _, label := range slices.Concat(Markings(), Actions()) {
		if !strings.Contains(string(page), "`"+label+"`") {
			t.Errorf("the page does not name %s", label)
		}
	}
}

// sheetsOf are the sheets that a page shows.
func sheetsOf(t *testing.T, page string) (sheets []*Sheet) {
	for i, block := range strings.Split(page, "```yaml\n") {
		shown, _, closed := strings.Cut(block, "```")
		if i == 0 || !closed || !strings.Contains(shown, "\nclauses:\n") {
			continue
		}
		sheet, err := Parse("docs/terms.md", []byte(shown))
		if err != nil {
			t.Fatal(err)
		}
		sheets = append(sheets, sheet)
	}
	if len(sheets) < 2 {
		t.Fatalf("the page shows %d sheets", len(sheets))
	}
	return sheets
}
