package tokenbench

import (
	"context"
	"testing"
)

// Run itself holds the tokens of both against each other.
func TestBothImplementationsMakeTheSameTokens(t *testing.T) {
	for _, s := range []Setup{{1, 1, 3, 1}, {2, 3, 20, 2}, {4, 7, 2, 1}} {
		r, err := Run(context.Background(), s)
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Steps) != int(steps) || r.TokensPerCore <= 0 || r.CirclTokensPerCore <= 0 {
			t.Errorf("%+v", r)
		}
	}
	for _, s := range []Setup{{0, 3, 10, 1}, {4, 3, 10, 1}, {2, 3, 0, 1}, {2, 3, 10, 0}} {
		if _, err := Run(context.Background(), s); err == nil {
			t.Errorf("%+v is measured", s)
		}
	}
}
