package taxiicheck

import (
	"encoding/json"
	"testing"
)

// A runner that cannot fail holds nobody to anything.
func TestEachKindOfFactCanFail(t *testing.T) {
	body := `{"more":false,"next":"x","objects":[{"id":"a--1","n":1},{"id":"a--2","n":2}],"names":["p","q"]}`
	var a answer
	if err := json.Unmarshal([]byte(body), &a.document); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ holds, fails string }{
		{`{"path":"more","equals":false}`, `{"path":"more","equals":true}`},
		{`{"path":"objects[0].id","equals":"a--1"}`, `{"path":"objects[9].id","equals":"a--1"}`},
		{`{"path":"objects[-1].id","equals":"a--2"}`, `{"path":"objects[-1].id","equals":"a--1"}`},
		{`{"path":"objects[*].id","equals":["a--1","a--2"]}`, `{"path":"objects[*].id","equals":["a--1"]}`},
		{`{"path":"objects[?id=a--2].n","equals":[2]}`, `{"path":"objects[?id=a--3].n","equals":[2]}`},
		{`{"path":"objects","length":2}`, `{"path":"objects","length":1}`},
		{`{"path":"gone","absent":true}`, `{"path":"next","absent":true}`},
		{`{"path":"objects[*].gone","absent":true}`, `{"path":"objects[*].n","absent":true}`},
		{`{"path":"next","present":true}`, `{"path":"gone","present":true}`},
		{`{"path":"names","contains":"p"}`, `{"path":"names","contains":"z"}`},
		{`{"path":"names","not_contains":"z"}`, `{"path":"names","not_contains":"p"}`},
		{`{"path":"next","contains_text":"x"}`, `{"path":"next","contains_text":"y"}`},
		{`{"path":"names","set_equals":["q","p"]}`, `{"path":"names","set_equals":["q","q"]}`},
		{`{"path":"objects[?id=a--1].n","all_equal":1}`, `{"path":"objects[*].id","all_equal":"a--1"}`},
		{`{"path":"objects[*].id","all_start_with":"a--"}`, `{"path":"names","all_start_with":"p"}`},
		{`{"path":"names","strictly_ascending":true}`, `{"path":"names","strictly_ascending":false}`},
		{`{"path":"","present":true}`, `{"path":"","equals":{}}`},
		{`{"path":"more","present":true}`, `{"path":"more","unheard_of":1}`},
		{`{"path":"more","present":true}`, `{"path":"more"}`},
	} {
		for text, want := range map[string]bool{c.holds: true, c.fails: false} {
			var f Fact
			if err := json.Unmarshal([]byte(text), &f); err != nil {
				t.Fatal(err)
			}
			if wrong := a.holds(f); (wrong == "") != want {
				t.Errorf("%s: holds %v, expected %v", text, wrong == "", want)
			}
		}
	}
}
