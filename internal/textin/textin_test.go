package textin

import (
	"io"
	"strings"
	"testing"
)

func TestTextComesInAsUTF8(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"plain", "é,b", "é,b"},
		{"nothing", "", ""},
		{"not UTF-8 stays", "\xe9", "\xe9"},
		{"marked UTF-8", "\xef\xbb\xbfé", "é"},
		{"marked UTF-8 with a wrong byte", "\xef\xbb\xbfa\xe9", "a\xe9"},
		{"UTF-16 LE", "\xff\xfea\x00\xe9\x00", "aé"},
		{"UTF-16 BE", "\xfe\xff\x00a\x00\xe9", "aé"},
		{"UTF-16 LE without mark", "a\x00b\x00c\x00", "abc"},
		{"UTF-16 BE without mark", "\x00a\x00b\x00c", "abc"},
	} {
		got, err := io.ReadAll(Reader(strings.NewReader(c.in)))
		if err != nil || string(got) != c.want {
			t.Errorf("%s: %q, %v, want %q", c.name, got, err, c.want)
		}
	}
}
