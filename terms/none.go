package terms

import "github.com/concord-trust/concord/standard"

// None are rules that grant nothing to anybody: what holds for what was
// contributed under an agreement that has ended.
func None(std *standard.Standard) *Rules { return &Rules{std: std, byPath: map[string]int{}} }
